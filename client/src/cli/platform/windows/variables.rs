//! Environment variables as Windows knows them: by names in any case.

/// Whether both names are the same variable's.
pub(crate) fn is_same_variable(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Families of variables that on this system decide what programs load, run or trust.
pub(crate) const DANGEROUS_FAMILIES: &[&str] =
    &["COMPLUS_", "CORECLR_", "COR_", "MSBUILD", "POWERSHELL_", "PSMODULE", "WINEDLL", "__COMPAT_"];

/// The same, one by one: where the system, the user's files and programs are, and what `cmd` runs.
#[rustfmt::skip]
pub(crate) const DANGEROUS_VARIABLES: &[&str] = &[
    "PATHEXT",
    "ComSpec",
    "SystemRoot",
    "SystemDrive",
    "windir",
    "PROMPT",
    "DIRCMD",
    "COPYCMD",
    "NoDefaultCurrentDirectoryInExePath",
    "USERPROFILE",
    "USERNAME",
    "USERDOMAIN",
    "HOMEDRIVE",
    "HOMEPATH",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
    "ALLUSERSPROFILE",
    "PUBLIC",
    "ProgramFiles",
    "ProgramW6432",
    "CommonProgramFiles",
    "CommonProgramW6432",
    "DriverData",
    "OS",
    "COMPUTERNAME",
    "PROCESSOR_ARCHITECTURE",
    "NUMBER_OF_PROCESSORS",
    "SESSIONNAME",
    "LOGONSERVER",
    "CLINK_PATH",
    "DevPath",
];
