//! What the story is played on: three stand-in services, a home of its own, and the real programs in it.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokend_tests::interrupt::Interrupt;
use tokend_tests::sandbox::{Daemon, Said, Sandbox, run};
use tokend_tests::stand_in::{Expiration, ItsYouOnline, LyveCloud, OpenvCloud, Service, StandIn, call};

use crate::cut::{Cut, ensure};
use crate::voice::{Voice, shortened};

/// How long the stand-ins' tokens live.
pub(crate) const LIFE: Duration = Duration::from_secs(8);

/// How long anything may take that should come by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at something that should come by itself.
const LOOK: Duration = Duration::from_millis(50);

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// The stage. Everything on it is ended and removed when it is dropped, the daemon first.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) voice: Voice,
    pub(crate) daemon: Option<Daemon>,
    pub(crate) home: Sandbox,
    pub(crate) lyve: LyveCloud,
    pub(crate) iyo: ItsYouOnline,
    pub(crate) ovc: OpenvCloud,
    interrupt: Interrupt,
    has_curl: bool,
    /// What must be in no log.
    confidential: Vec<String>,
}

/// An account, and a request that its token opens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) name: &'static str,
    api: Api,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Api {
    LyveCloud,
    OpenvCloud,
}

pub(crate) const LYVE: Account = Account { name: "lyve-prod", api: Api::LyveCloud };
pub(crate) const GEN1: Account = Account { name: "gen1", api: Api::OpenvCloud };
pub(crate) const LEGACY: Account = Account { name: "gen1-legacy", api: Api::OpenvCloud };
pub(crate) const ACCOUNTS: [Account; 3] = [LYVE, GEN1, LEGACY];

impl Stage {
    /// Starts the services and makes the home. The daemon is the story's to start.
    pub(crate) fn set(voice: Voice, interrupt: Interrupt) -> Self {
        let lyve = LyveCloud::builder()
            .lifetime(LIFE)
            .with(|lyve| lyve.expiration = Expiration::Alternating)
            .start();
        let iyo =
            ItsYouOnline::builder().lifetime(LIFE).with(|iyo| iyo.client_id = "alice-cli".into()).start();
        let trusted = iyo.tokens();
        let ovc = OpenvCloud::builder().lifetime(LIFE).with(|ovc| ovc.jwts = Some(trusted)).start();
        let mut stage = Self {
            voice,
            daemon: None,
            home: Sandbox::new(),
            lyve,
            iyo,
            ovc,
            interrupt,
            has_curl: is_installed("curl"),
            confidential: Vec::new(),
        };
        stage.confidential = stage.secrets().into();
        stage
    }

    /// The secrets of the three accounts, in their order.
    pub(crate) fn secrets(&self) -> [String; 3] {
        [
            self.lyve.change(|lyve| lyve.secret.clone()),
            self.iyo.change(|iyo| iyo.client_secret.clone()),
            self.ovc.change(|ovc| ovc.password.clone()),
        ]
    }

    /// Types a command and runs it to its end; what it wrote is the caller's to show.
    pub(crate) fn type_tok(&self, arguments: &[&str]) -> Result<Said, Cut> {
        self.voice.command(&format!("tok {}", arguments.join(" ")))?;
        self.tok(arguments)
    }

    /// Runs `tok` behind the scenes.
    pub(crate) fn tok(&self, arguments: &[&str]) -> Result<Said, Cut> {
        self.interrupt.check()?;
        let said = self.home.tok(arguments);
        self.interrupt.check()?;
        Ok(said)
    }

    /// `tok get`, its token shortened on the screen.
    pub(crate) fn type_get(&mut self, account: Account, options: &[&str]) -> Result<String, Cut> {
        let arguments = [&["get", account.name], options].concat();
        let said = self.type_tok(&arguments)?;
        let token = self.token_of(&said, account)?;
        self.voice.output(&shortened(&token))?;
        Ok(token)
    }

    /// The same behind the scenes.
    pub(crate) fn get(&mut self, account: Account, options: &[&str]) -> Result<String, Cut> {
        let said = self.tok(&[&["get", account.name], options].concat())?;
        self.token_of(&said, account)
    }

    fn token_of(&mut self, said: &Said, account: Account) -> Result<String, Cut> {
        let Account { name, .. } = account;
        ensure(said.code == 0, || {
            format!("tok get {name} ended with {}: {}", said.code, said.stderr.trim_end())
        })?;
        let token = said.stdout.trim_end_matches('\n').to_owned();
        ensure(self.is_live(account, &token), || {
            format!("tok get {name} gave a token that its service does not take")
        })?;
        self.confidential.push(token.clone());
        Ok(token)
    }

    /// Whether the service that issued it takes this token.
    pub(crate) fn is_live(&self, account: Account, token: &str) -> bool {
        match account.name {
            "lyve-prod" => self.lyve.is_live(token),
            "gen1" => self.iyo.is_live(token),
            _ => self.ovc.is_live(token),
        }
    }

    /// Asks the account's API something, by `tok curl`, or where there is no curl by what `tok` prints of the token.
    pub(crate) fn type_request(&self, account: Account) -> Result<String, Cut> {
        let url = match account.api {
            Api::LyveCloud => format!("{}/v2/buckets", self.lyve.url()),
            Api::OpenvCloud => format!("{}/restmachine/cloudapi/cloudspaces/list", self.ovc.url()),
        };
        let body = if self.has_curl {
            let said = self.type_tok(&["curl", account.name, "--", "-sS", &url])?;
            ensure(said.code == 0, || {
                format!("tok curl ended with {}: {}", said.code, said.stderr.trim_end())
            })?;
            said.stdout
        } else {
            self.request(account, &url)?
        };
        self.voice.output(&body)?;
        Ok(body)
    }

    /// The same without curl.
    fn request(&self, account: Account, url: &str) -> Result<String, Cut> {
        let is_form = account.name == LEGACY.name;
        let arguments = if is_form {
            vec!["get", account.name, "--format", "form"]
        } else {
            vec!["header", account.name]
        };
        let said = self.type_tok(&arguments)?;
        let line = said.stdout.trim_end_matches('\n');
        let separator = if is_form { '=' } else { ' ' };
        let (before, token) = line.rsplit_once(separator).unwrap_or_default();
        self.voice.output(&format!("{before}{separator}{}", shortened(token)))?;
        self.voice.remark(&format!("(there is no curl here: the demo sends that to {url} itself)"))?;
        let answer = if is_form {
            call("POST", url, &[FORM], line)
        } else {
            let value = line.split_once(": ").map_or("", |(_, value)| value);
            call("GET", url, &[("Authorization", value)], "")
        };
        answer
            .map(|reply| reply.text())
            .map_err(|error| Cut::failed(format!("{url} did not answer: {error}")))
    }

    /// `tok status` as a terminal shows it, if there is one.
    pub(crate) fn type_status(&self, arguments: &[&str]) -> Result<(), Cut> {
        let arguments = [&["status"], arguments].concat();
        if !self.voice.is_terminal() {
            let said = self.type_tok(&arguments)?;
            ensure(said.code == 0, || {
                format!("tok status ended with {}: {}", said.code, said.stderr.trim_end())
            })?;
            return Ok(self.voice.output(&said.stdout)?);
        }
        self.voice.command(&format!("tok {}", arguments.join(" ")))?;
        let mut command = self.home.command("tok");
        for name in ["TERM", "NO_COLOR"] {
            command.envs(env::var_os(name).map(|value| (name, value)));
        }
        let status = command.args(arguments).stdout(Stdio::inherit()).status();
        self.interrupt.check()?;
        ensure(status.is_ok_and(|status| status.success()), || "tok status failed".to_owned())
    }

    /// What `tok status --json` says of one account.
    pub(crate) fn status(&self, account: Account) -> Result<Value, Cut> {
        let said = self.tok(&["status", account.name, "--json"])?;
        let mut list: Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        let status = list.get_mut(0).map(Value::take);
        status.ok_or_else(|| {
            Cut::failed(format!("tok status --json says nothing of {}: {said:?}", account.name))
        })
    }

    /// Waits until something has come by itself.
    pub(crate) fn until(
        &mut self,
        what: &str,
        mut came: impl FnMut(&mut Self) -> Result<bool, Cut>,
    ) -> Result<(), Cut> {
        for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
            if came(self)? {
                return Ok(());
            }
            self.interrupt.check()?;
            thread::sleep(LOOK);
        }
        Err(Cut::failed(format!("{what}: that did not come within {} s", PATIENCE.as_secs())))
    }

    /// Waits until so many tokens of a service have been asked for and given.
    pub(crate) fn until_given<S: Service>(&self, service: &StandIn<S>, count: usize) -> Result<(), Cut> {
        for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
            let enough = |ledger: &[_]| ledger.iter().filter(|entry| is_given(entry)).count() >= count;
            if service.wait_until(LOOK, enough) {
                return Ok(());
            }
            self.interrupt.check()?;
        }
        Err(Cut::failed(format!("tokend did not ask {} for token {count} in time", service.url())))
    }

    /// The log of tokend, as far as it goes.
    pub(crate) fn log(&self) -> String {
        self.daemon.as_ref().map(Daemon::log).unwrap_or_default()
    }

    /// Which of all the secrets and tokens of this story a text holds; it should be none.
    pub(crate) fn leaks_into(&self, text: &str) -> bool {
        self.confidential.iter().any(|secret| text.contains(secret.as_str()))
    }
}

/// How many tokens a service was asked for and gave.
pub(crate) fn given<S: Service>(service: &StandIn<S>) -> usize {
    service.ledger().iter().filter(|entry| is_given(entry)).count()
}

fn is_given(entry: &tokend_tests::stand_in::Entry) -> bool {
    entry.token_request && entry.status == Some(200)
}

fn is_installed(program: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&folders)
        .any(|folder: std::path::PathBuf| Path::new(&folder).join(program).is_file());
    // A file is not yet a program that runs.
    found && run(Command::new(program).arg("--version").stdin(Stdio::null())).code == 0
}
