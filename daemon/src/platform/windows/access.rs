//! What an access list says of others.

#![expect(unsafe_code, reason = "Windows' calls")]

use std::fmt;
use std::io;
use std::os::windows::io::BorrowedHandle;
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::{GENERIC_ALL, GENERIC_EXECUTE, GENERIC_READ, GENERIC_WRITE};
use windows_sys::Win32::Security::Authorization::SE_FILE_OBJECT;
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, GetAce, GetSecurityDescriptorDacl, GetSecurityDescriptorOwner,
    INHERIT_ONLY_ACE, LookupAccountSidW, PSID,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_APPEND_DATA, FILE_DELETE_CHILD, FILE_READ_ATTRIBUTES, FILE_READ_EA, FILE_WRITE_ATTRIBUTES,
    FILE_WRITE_DATA, FILE_WRITE_EA, READ_CONTROL, SYNCHRONIZE, WRITE_DAC, WRITE_OWNER,
};
use windows_sys::Win32::System::SystemServices::{
    ACCESS_ALLOWED_ACE_TYPE, ACCESS_DENIED_ACE_TYPE, ACCESS_DENIED_CALLBACK_ACE_TYPE,
    ACCESS_DENIED_CALLBACK_OBJECT_ACE_TYPE, ACCESS_DENIED_OBJECT_ACE_TYPE,
};

use super::security::{Descriptor, User};
use super::words::narrow;

/// Rights that change a file, or who may.
const WRITING: u32 = FILE_WRITE_DATA
    | FILE_APPEND_DATA
    | FILE_WRITE_EA
    | FILE_WRITE_ATTRIBUTES
    | FILE_DELETE_CHILD
    | DELETE
    | WRITE_DAC
    | WRITE_OWNER
    | GENERIC_WRITE
    | GENERIC_ALL;

/// Rights that show nothing of what is in a file.
const HARMLESS: u32 = FILE_READ_ATTRIBUTES | FILE_READ_EA | READ_CONTROL | SYNCHRONIZE;

/// `Everyone`.
const EVERYONE: &str = "S-1-1-0";

/// Groups that every user is in, or every stranger.
const EVERYBODY: [&str; 5] = [EVERYONE, "S-1-5-11", "S-1-5-32-545", "S-1-5-32-546", "S-1-5-7"];

/// What those may do with a file who are neither its user nor the system nor administrators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Access {
    others: Vec<Other>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Other {
    who: User,
    name: String,
    rights: u32,
}

impl Access {
    /// Nobody else may do anything.
    pub(super) fn none() -> Self {
        Self { others: Vec::new() }
    }

    /// These users or groups have these rights.
    #[cfg(test)]
    pub(super) fn made_up(others: impl IntoIterator<Item = (&'static str, u32)>) -> Self {
        let other =
            |(who, rights): (&str, u32)| Other { who: User::with_text(who), name: who.to_owned(), rights };
        Self { others: others.into_iter().map(other).collect() }
    }

    /// The owner of what a handle leads to, and what its access list says of others. Entries that deny are passed over:
    /// they could only make it more closed than is said here.
    pub(super) fn of(file: BorrowedHandle<'_>) -> io::Result<(User, Self)> {
        let descriptor = Descriptor::read(file, SE_FILE_OBJECT)?;
        let mut owner: PSID = null_mut();
        let mut defaulted = 0;
        // SAFETY: the descriptor is valid, and the address is written where it belongs.
        let got =
            unsafe { GetSecurityDescriptorOwner(descriptor.as_ptr(), &raw mut owner, &raw mut defaulted) };
        if got == 0 || owner.is_null() {
            return Err(io::Error::other("the system does not say whose it is"));
        }
        // SAFETY: the identifier lies in the descriptor, which is still there.
        let owner = unsafe { User::at(owner) }?;
        let (mut present, mut list): (_, *mut ACL) = (0, null_mut());
        // SAFETY: as for the owner.
        let got = unsafe {
            GetSecurityDescriptorDacl(
                descriptor.as_ptr(),
                &raw mut present,
                &raw mut list,
                &raw mut defaulted,
            )
        };
        if got == 0 {
            return Err(io::Error::last_os_error());
        }
        if present == 0 || list.is_null() {
            // Without a list everybody may do everything.
            let all =
                Other { who: User::with_text(EVERYONE), name: "everybody".to_owned(), rights: GENERIC_ALL };
            return Ok((owner, Self { others: vec![all] }));
        }
        // SAFETY: the list lies in the descriptor, which is still there.
        let others = unsafe { entries(list) }?;
        Ok((owner, Self { others }))
    }

    pub(super) fn others_may_write(&self) -> bool {
        self.others.iter().any(|other| other.rights & WRITING != 0)
    }

    pub(super) fn others_may_touch(&self) -> bool {
        self.others.iter().any(|other| other.rights & !HARMLESS != 0)
    }

    pub(super) fn everybody_may_touch(&self) -> bool {
        let is_everybody = |other: &&Other| EVERYBODY.contains(&other.who.as_str());
        self.others.iter().filter(is_everybody).any(|other| other.rights & !HARMLESS != 0)
    }
}

/// The entries that let somebody else in.
///
/// # Safety
/// There is a valid list.
unsafe fn entries(list: *const ACL) -> io::Result<Vec<Other>> {
    // SAFETY: the caller says that the list is valid.
    let count = unsafe { (*list).AceCount };
    let mut others: Vec<Other> = Vec::new();
    for index in 0..u32::from(count) {
        let mut entry = null_mut();
        // SAFETY: as above; the address is written where it belongs.
        if unsafe { GetAce(list, index, &raw mut entry) } == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: every entry begins so.
        let header = unsafe { entry.cast::<ACE_HEADER>().read_unaligned() };
        let kind = u32::from(header.AceType);
        let denies = [
            ACCESS_DENIED_ACE_TYPE,
            ACCESS_DENIED_OBJECT_ACE_TYPE,
            ACCESS_DENIED_CALLBACK_ACE_TYPE,
            ACCESS_DENIED_CALLBACK_OBJECT_ACE_TYPE,
        ];
        if denies.contains(&kind) || u32::from(header.AceFlags) & INHERIT_ONLY_ACE != 0 {
            continue;
        }
        if kind != ACCESS_ALLOWED_ACE_TYPE {
            // Of a kind that files do not have: whom it lets in is not guessed.
            let who = User::with_text("S-1-0-0");
            others.push(Other { who, name: format!("an entry of kind {kind}"), rights: GENERIC_ALL });
            continue;
        }
        // SAFETY: an entry of this kind is laid out so, and its identifier begins at that place.
        let rights = unsafe { entry.cast::<ACCESS_ALLOWED_ACE>().read_unaligned() }.Mask;
        // SAFETY: the field lies within the entry.
        let sid = unsafe { &raw mut (*entry.cast::<ACCESS_ALLOWED_ACE>()).SidStart };
        // SAFETY: as above.
        let who = unsafe { User::at(sid.cast()) }?;
        if who.may_be_let_in() {
            continue;
        }
        if let Some(other) = others.iter_mut().find(|other| other.who == who) {
            other.rights |= rights;
        } else {
            // SAFETY: as above.
            let name = unsafe { name_of(sid.cast()) }.unwrap_or_else(|| who.to_string());
            others.push(Other { who, name, rights });
        }
    }
    Ok(others)
}

/// What the system calls a user or a group, where it knows.
///
/// # Safety
/// There is a valid identifier.
unsafe fn name_of(sid: PSID) -> Option<String> {
    let (mut name, mut domain) = ([0_u16; 257], [0_u16; 257]);
    let (mut name_length, mut domain_length) = (257, 257);
    let mut kind = 0;
    // SAFETY: the caller says that the identifier is valid, and no more is written than there is space.
    let found = unsafe {
        LookupAccountSidW(
            std::ptr::null(),
            sid,
            name.as_mut_ptr(),
            &raw mut name_length,
            domain.as_mut_ptr(),
            &raw mut domain_length,
            &raw mut kind,
        )
    };
    let name = narrow(&name).to_string_lossy().into_owned();
    (found != 0 && !name.is_empty()).then_some(name)
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut is_first = true;
        for other in self.others.iter().filter(|other| other.rights & !HARMLESS != 0) {
            if !is_first {
                f.write_str(", ")?;
            }
            is_first = false;
            let may_read = other.rights & !HARMLESS & !WRITING & !GENERIC_EXECUTE != 0
                || other.rights & (GENERIC_READ | GENERIC_ALL) != 0;
            let what = match (may_read, other.rights & WRITING != 0) {
                (true, true) => "read and write",
                (false, true) => "write",
                _ => "read",
            };
            write!(f, "{} may {what}", other.name)?;
        }
        if is_first { f.write_str("closed to others") } else { Ok(()) }
    }
}
