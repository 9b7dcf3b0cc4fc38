//! `tokend store init`: makes the store's identity, or gives it another passphrase.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use clap::Args;
use tokend::secret::store::{IdentityKind, Protection, Store};

use super::complaint::Complaint;
use super::{input, note, print};

/// How the new identity is protected; by nothing but its mode where nothing is said.
#[derive(Debug, Args)]
pub(super) struct Words {
    /// By the passphrase on standard input; empty for none.
    #[arg(long, conflicts_with_all = ["ssh_key", "plugin", "keyring", "credential"])]
    passphrase_stdin: bool,
    /// By an SSH key, ed25519: its private or public file.
    #[arg(long, value_name = "PATH", group = "how")]
    ssh_key: Option<PathBuf>,
    /// By an age plugin: the file with the identity that the plugin made.
    #[arg(long, value_name = "FILE", group = "how")]
    plugin: Option<PathBuf>,
    /// It lies in the desktop's keyring: service `tokend`, user NAME.
    #[arg(long, value_name = "NAME", group = "how", num_args = 0..=1)]
    #[arg(default_missing_value = "store-identity")]
    keyring: Option<String>,
    /// It is a systemd credential, and goes to standard output, for `systemd-creds encrypt`.
    #[arg(long, value_name = "NAME", group = "how")]
    credential: Option<String>,
    /// Changes the passphrase: standard input has the old one and the new one, a line each; either may be
    /// empty.
    #[arg(long, group = "how")]
    change_passphrase: bool,
}

pub(super) async fn run(store: &Store, words: Words) -> Result<(), Complaint> {
    if words.change_passphrase {
        return change_passphrase(store).await;
    }
    let protection = if let Some(path) = words.ssh_key {
        Protection::SshKey(path)
    } else if let Some(path) = words.plugin {
        Protection::Plugin(path)
    } else if let Some(name) = words.keyring {
        Protection::Keyring(name)
    } else if let Some(name) = words.credential {
        return credential(store, name).await;
    } else if words.passphrase_stdin {
        input::passphrase()?.map_or(Protection::None, Protection::Passphrase)
    } else {
        Protection::None
    };
    let made = store.make(protection).await?;
    print(format!("{made}\n").as_bytes())
}

async fn change_passphrase(store: &Store) -> Result<(), Complaint> {
    let (old, new) = input::old_and_new()?;
    let made = store.change_passphrase(old, new).await?;
    let what = match made.kind {
        IdentityKind::Passphrase => "the store's identity has the new passphrase",
        _ => "the store's identity has no passphrase any more",
    };
    print(
        format!(
            "{what}: {}\nback it up anew: older copies open as before, with the passphrase that they \
             had, or without one\n",
            made.place.display()
        )
        .as_bytes(),
    )
}

/// The identity leaves by standard output alone, to be sealed to the machine.
async fn credential(store: &Store, name: String) -> Result<(), Complaint> {
    if io::stdout().is_terminal() {
        return Err(Complaint::usage(
            "the identity would be shown on the terminal",
            format!("pipe it: `… | systemd-creds encrypt --name={name} - {name}.cred`"),
        ));
    }
    let made = store.make(Protection::Credential(name.clone())).await?;
    if let Some(text) = &made.text {
        let written = print(&text.expose());
        if written.is_err() {
            let folder = store.folder().display();
            let hint = format!("remove identity.source and recipients.txt in {folder}, and do it again");
            return Err(Complaint::fault("the identity was not taken from standard output", hint));
        }
    }
    note(&made.to_string());
    note(&format!(
        "for the daemon's unit, with what `systemd-creds encrypt --name={name} - {name}.cred` wrote:\n\
         LoadCredentialEncrypted={name}:/PATH/{name}.cred"
    ));
    Ok(())
}
