//! The one definition of the configuration's keys: the JSON Schema that editors read and tokend.toml(5)
//! come from it, and a test compares it with what the parser asks for.

mod account;
#[cfg(test)]
mod agreement;
mod general;
#[cfg(test)]
mod page;
mod schema;

pub use schema::schema;

/// A key of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// Whether it must be there.
    pub(crate) required: bool,
    /// What counts where it is not; empty where nothing does, or `help` says it.
    pub(crate) default: &'static str,
    /// What it is for: no full stop.
    pub(crate) help: &'static str,
}

impl Key {
    const fn new(name: &'static str, form: Form, help: &'static str) -> Self {
        Self { name, form, required: false, default: "", help }
    }

    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn or(self, default: &'static str) -> Self {
        Self { default, ..self }
    }
}

/// What may stand at a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// A string.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A TCP port.
    Port,
    /// A span of time, `"90s"`.
    Duration,
    /// The absolute path of a file, or one from `~/`.
    File,
    /// An address; `https`, or `http` on this machine.
    Url,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of strings.
    Strings,
    /// One string, or a list of them.
    OneOrMany,
    /// A program and its arguments.
    Argv,
    /// A JSON pointer.
    Pointer,
    /// Statuses of HTTP that mean no.
    Statuses,
    /// Where a secret comes from.
    Secret,
    /// A string, or where a secret comes from.
    TextOrSecret,
    /// Where a secret comes from, or another account's token.
    SecretOrAccount,
    /// Anything that JSON has.
    Any,
    /// A table with these keys.
    Table(&'static [Key]),
    /// A table whose keys the user invents, with strings.
    Texts,
    /// The same, with a table of strings in the place of some.
    TextsAndTables,
    /// A table whose keys the user invents, with sources of secrets.
    Secrets,
}

/// A kind of account and its own keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// What it is, in half a line.
    pub(crate) help: &'static str,
    pub(crate) keys: &'static [Key],
    /// Whether it asks a service over HTTP, and takes [`general::HTTP`] too.
    pub(crate) is_http: bool,
    /// Whole accounts, for the manual.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the page of the manual, which a test makes"))]
    pub(crate) example: &'static str,
}

impl Kind {
    /// Every key that an account of this kind may have.
    fn all_keys(&self) -> impl Iterator<Item = &'static Key> + use<> {
        let http: &[Key] = if self.is_http { general::HTTP } else { &[] };
        self.keys.iter().chain(http).chain(general::ANY_ACCOUNT)
    }
}
