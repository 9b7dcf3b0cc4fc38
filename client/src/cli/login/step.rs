//! One step of a login, looked at before anybody sees it, and in words.

use std::fmt::Write as _;
use std::time::Duration;

use tokend_client::{Code, LoginStep};

use super::super::complaint::{Complaint, printable};
use super::address::Address;
use super::paste::Source;
use super::qr;
use super::screen::Screen;

/// Longer codes than this nobody types.
const LONGEST_CODE: usize = 100;

/// A step whose addresses may be opened and whose texts may be shown.
#[derive(Debug)]
pub(super) struct Step {
    /// Which login.
    pub(super) login: u64,
    /// What is to be done.
    pub(super) kind: Kind,
    /// The address to open.
    pub(super) address: Option<Address>,
    /// The same with the code in it.
    pub(super) complete: Option<Address>,
    /// The code to type there.
    code: Option<String>,
    /// How long that is good for.
    pub(super) good_for: Option<Duration>,
    /// Whether the address at the end may be pasted.
    pub(super) takes_redirect: bool,
    /// What it waits for.
    pub(super) message: String,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The address is opened here.
    Browser,
    /// The address is opened anywhere, and a code typed there.
    Device,
    /// The address is opened elsewhere, and the one at its end is pasted.
    Redirect,
    /// Nothing, or what this version does not know: its message says it.
    Progress,
}

impl Step {
    /// Nothing of what a service wrote is trusted.
    pub(super) fn checked(step: &LoginStep, account: &str) -> Result<Self, Complaint> {
        let address = |text: &str| {
            Address::checked(text).ok_or_else(|| {
                let hint =
                    "nothing was opened; look at the account's endpoints, and ask who runs the service";
                let message = format!(
                    "the service of {account} names an address for its login that is not safe to open"
                );
                Complaint::new(Code::REFUSED.0, "unsafe-address", message, hint)
            })
        };
        let kind = match step.step.as_str() {
            LoginStep::BROWSER => Kind::Browser,
            LoginStep::DEVICE => Kind::Device,
            LoginStep::REDIRECT => Kind::Redirect,
            _ => Kind::Progress,
        };
        let code = step.user_code.as_deref().map(|code| printable(code).chars().take(LONGEST_CODE).collect());
        let message = printable(&step.message);
        Ok(Self {
            login: step.login,
            kind,
            address: if step.url.is_empty() { None } else { Some(address(&step.url)?) },
            complete: step.complete_url.as_deref().map(address).transpose()?,
            code: code.filter(|code: &String| !code.is_empty()),
            good_for: step.expires_in_ms.map(Duration::from_millis),
            takes_redirect: step.takes_redirect,
            message: if message.is_empty() { kind.message().to_owned() } else { message },
        })
    }

    /// What there is to do, in lines; nothing where nothing is.
    pub(super) fn text(&self, account: &str, was_opened: bool, screen: &Screen) -> Option<String> {
        let address = self.address.as_ref()?.text();
        let told = |how: &str| screen.sentence(&format!("To log in to {account}, {how}"));
        let Some(code) = &self.code else {
            let how = match (was_opened, self.kind) {
                (true, _) => "the browser was sent to this address; open it yourself if nothing appears:",
                (false, Kind::Browser) => "open this address in a browser on this machine:",
                (false, _) => "open this address in any browser:",
            };
            return Some(format!("{}{address}\n", told(how)));
        };
        let with_picture = told(if was_opened {
            "go on in the browser, or open this address or scan it, and type the code:"
        } else {
            "open this address in any browser, or scan it, and type the code:"
        });
        let picture = self.picture(screen, with_picture.lines().count());
        let how = match (was_opened, &picture) {
            (_, Some(_)) => with_picture,
            (true, None) => told("go on in the browser, or open this address anywhere, and type the code:"),
            (false, None) => told("open this address in any browser, and type the code:"),
        };
        let mut text = format!("{how}{address}\n    {}\n", screen.bold(code));
        match (picture, &self.complete) {
            (Some(lines), _) => text.extend(lines.iter().flat_map(|line| [line.as_str(), "\n"])),
            (None, Some(complete)) => {
                let how = screen.sentence("or open this one, which has the code in it:");
                let _ = writeln!(text, "{how}{}", complete.text());
            }
            (None, None) => {}
        }
        Some(text)
    }

    /// The address as a QR code, with the user's code in it where there is room for that.
    fn picture(&self, screen: &Screen, sentence: usize) -> Option<Vec<String>> {
        let (ink, (columns, lines)) = (screen.ink?, screen.size()?);
        let address = self.address.as_ref()?;
        // Above it stand the sentence's lines, the address and the code, and below it what is waited for.
        let above = sentence + 1 + address.text().len().div_ceil(columns);
        let room = lines.saturating_sub(above + 1);
        [self.complete.as_ref(), Some(address)]
            .into_iter()
            .flatten()
            .find_map(|address| qr::drawn(address.text(), ink, columns, room))
    }

    /// How the address at the end is given, where it may be.
    pub(super) fn request_to_paste(&self, source: Source) -> Option<&'static str> {
        match (self.kind, source) {
            (Kind::Redirect, Source::Terminal) => Some(
                "After the login the browser is sent to another address; that page may fail to load, which is fine. \
                 Copy its whole address, paste it here (nothing is shown while you do), and press Enter.",
            ),
            (Kind::Redirect, Source::Input) => Some(
                "After the login the browser is sent to another address; that page may fail to load, which is fine. \
                 Its whole address is read from standard input.",
            ),
            (Kind::Browser, Source::Terminal) => Some(
                "If the last page fails to load, copy its whole address, paste it here (nothing is shown while you \
                 do), and press Enter.",
            ),
            (Kind::Redirect, Source::Nowhere) => Some(
                "After the login the browser is sent to another address. That address cannot be pasted here: tok has \
                 no terminal to read it from.",
            ),
            _ => None,
        }
    }
}

impl Kind {
    /// What it waits for, where the daemon says nothing.
    fn message(self) -> &'static str {
        match self {
            Self::Browser => "waiting for the browser",
            Self::Device => "waiting for the code to be typed",
            Self::Redirect => "waiting for the address that the browser ends at",
            Self::Progress => "going on",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(url: &str, complete: Option<&str>) -> LoginStep {
        LoginStep {
            login: 1,
            step: LoginStep::DEVICE.to_owned(),
            url: url.to_owned(),
            complete_url: complete.map(str::to_owned),
            user_code: Some("A\x1b[31mB\n".to_owned()),
            expires_in_ms: Some(900_000),
            takes_redirect: false,
            message: "a\x07b".to_owned(),
        }
    }

    #[test]
    fn no_unsafe_address_is_shown() {
        assert!(Step::checked(&step("https://a.example/x", None), "a").is_ok());
        for (url, complete) in [
            ("https://a.example/`x`", None),
            ("http://a.example/", None),
            ("https://a.example/", Some("https://a.example/\x1b[31m")),
        ] {
            let complaint = Step::checked(&step(url, complete), "a").err();
            assert!(complaint.is_some_and(|it| it.code == 5 && !it.message.contains("a.example")), "{url}");
        }
    }

    #[test]
    fn texts_of_a_service_do_not_meddle_with_the_screen() {
        let step = Step::checked(&step("https://a.example/x", None), "a").ok();
        let step = step.as_ref();
        assert_eq!(step.and_then(|step| step.code.as_deref()), Some("A[31mB"));
        assert_eq!(step.map(|step| step.message.as_str()), Some("ab"));
    }
}
