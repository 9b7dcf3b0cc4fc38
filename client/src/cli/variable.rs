//! Names of environment variables that a token may be put into.

use super::complaint::Complaint;
use super::platform;

/// Families of variables that make programs load or run something, or that change what they trust.
#[rustfmt::skip]
const PREFIXES: [&str; 22] = [
    "LD_",
    "_RLD",
    "DYLD_",
    "GCONV_",
    "GLIBC_",
    "MALLOC_",
    "BASH_FUNC_",
    "LC_",
    "XDG_",
    "DBUS_",
    "PYTHON",
    "PERL5",
    "RUBYOPT",
    "RUBYLIB",
    "GIT_CONFIG",
    "GIT_SSH",
    "GIT_SSL",
    "OPENSSL_",
    "DOTNET_",
    "NPM_CONFIG_",
    "npm_config_",
    "R_PROFILE",
];

/// The same, one by one.
#[rustfmt::skip]
const NAMES: [&str; 90] = [
    // the shell and what it starts
    "PATH",
    "IFS",
    "ENV",
    "BASH",
    "BASH_ENV",
    "SHELLOPTS",
    "BASHOPTS",
    "PS1",
    "PS4",
    "PROMPT_COMMAND",
    "CDPATH",
    "GLOBIGNORE",
    "ZDOTDIR",
    "FPATH",
    "SHELL",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "MANPAGER",
    "LESSOPEN",
    "LESSCLOSE",
    "BROWSER",
    // who and where one is
    "HOME",
    "USER",
    "LOGNAME",
    "PWD",
    "OLDPWD",
    "TMPDIR",
    "TMP",
    "TEMP",
    "TERM",
    "TERMINFO",
    "TERMINFO_DIRS",
    "TERMCAP",
    "TOKEND_SOCK",
    "CREDENTIALS_DIRECTORY",
    // the C library
    "LANG",
    "LANGUAGE",
    "NLSPATH",
    "LOCPATH",
    "TZ",
    "TZDIR",
    "HOSTALIASES",
    "RESOLV_HOST_CONF",
    "LOCALDOMAIN",
    "RES_OPTIONS",
    "GETCONF_DIR",
    // languages
    "PERLLIB",
    "PERL_MB_OPT",
    "PERL_MM_OPT",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_EXTRA_CA_CERTS",
    "CLASSPATH",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
    "GOFLAGS",
    "LUA_INIT",
    "LUA_PATH",
    // git, ssh
    "GIT_ASKPASS",
    "GIT_DIR",
    "GIT_EDITOR",
    "GIT_EXEC_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_PAGER",
    "GIT_PROXY_COMMAND",
    "GIT_SEQUENCE_EDITOR",
    "GIT_TEMPLATE_DIR",
    "GIT_WORK_TREE",
    "SSH_ASKPASS",
    "SSH_AUTH_SOCK",
    "SUDO_ASKPASS",
    // whom the network is trusted through; a token there would be looked up as a host's name
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "CURL_HOME",
    "REQUESTS_CA_BUNDLE",
    "OPENSSL_CONF",
];

/// Why this name cannot take a token; nothing if it can.
pub(crate) fn refuse(name: &str) -> Result<(), Complaint> {
    let mut bytes = name.bytes();
    let identifier = bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !identifier || name.len() > 256 {
        return Err(Complaint::usage(
            "that is no name of an environment variable",
            "a name is letters, digits and _, and begins with no digit",
        ));
    }
    let known = NAMES.iter().chain(platform::DANGEROUS_VARIABLES);
    let families = PREFIXES.iter().chain(platform::DANGEROUS_FAMILIES);
    let begins_with = |family: &&str| {
        name.get(..family.len()).is_some_and(|beginning| platform::is_same_variable(beginning, family))
    };
    if known.into_iter().any(|known| platform::is_same_variable(known, name))
        || families.into_iter().any(begins_with)
    {
        return Err(Complaint::usage(
            format!("a token is not put into {name}: that variable decides what programs load, run or trust"),
            "choose a name of your own, for example API_TOKEN",
        ));
    }
    Ok(())
}

/// `LYVE_PROD_TOKEN` for `lyve-prod`.
pub(crate) fn for_account(account: &str) -> String {
    named_after(account) + "_TOKEN"
}

/// `GRAPH_ID_TOKEN` for `graph`.
pub(crate) fn for_id_token(account: &str) -> String {
    named_after(account) + "_ID_TOKEN"
}

fn named_after(account: &str) -> String {
    let mut name: String = account
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .collect();
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_name_is_an_identifier() {
        assert_eq!(for_account("lyve-prod"), "LYVE_PROD_TOKEN");
        assert_eq!(for_account("7.eu"), "_7_EU_TOKEN");
        assert_eq!(for_id_token("lyve-prod"), "LYVE_PROD_ID_TOKEN");
        for account in ["lyve-prod", "7.eu", "a", "X_y.z-1"] {
            assert!(refuse(&for_account(account)).is_ok(), "{account}");
        }
    }

    #[test]
    fn what_makes_programs_load_or_run_something_is_refused() {
        for name in [
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "DYLD_INSERT_LIBRARIES",
            "PATH",
            "IFS",
            "ENV",
            "BASH_ENV",
            "SHELLOPTS",
            "BASHOPTS",
            "PS4",
            "PROMPT_COMMAND",
            "HOME",
            "GCONV_PATH",
            "NLSPATH",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "PERL5LIB",
            "PERL5OPT",
            "PERLLIB",
            "RUBYLIB",
            "RUBYOPT",
            "NODE_OPTIONS",
            "NODE_PATH",
            "JAVA_TOOL_OPTIONS",
            "GIT_SSH_COMMAND",
            "GIT_ASKPASS",
            "TOKEND_SOCK",
            "SHELL",
            "TMPDIR",
            "EDITOR",
            "PAGER",
            "BASH_FUNC_x",
            "OPENSSL_MODULES",
            "DOTNET_STARTUP_HOOKS",
            "npm_config_script_shell",
        ] {
            let refused = refuse(name).err();
            assert!(refused.is_some_and(|complaint| complaint.message.contains(name)), "{name}");
        }
        for name in ["API_TOKEN", "GITHUB_TOKEN", "GIT_TOKEN", "_x", "a1", "PATHS", "AWS_SESSION_TOKEN"] {
            assert!(refuse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_is_no_identifier_is_refused_and_not_repeated() {
        for name in ["", "1A", "A-B", "A B", "Ä", "A=B", "A;x", "A\n"] {
            assert!(refuse(name).is_err(), "{name:?}");
        }
        let refused = refuse("eyJhbGciOi.secret").err();
        assert!(refused.is_some_and(|complaint| !complaint.lines().contains("eyJ")));
    }
}
