//! Windows: named pipes, and this very test as a stand-in for other programs.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokend_client::User;
use windows_sys::Win32::Foundation::{
    ERROR_FILE_NOT_FOUND, ERROR_PIPE_BUSY, ERROR_PIPE_CONNECTED, INVALID_HANDLE_VALUE, LocalFree,
};
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
use windows_sys::Win32::Storage::FileSystem::PIPE_ACCESS_DUPLEX;
use windows_sys::Win32::System::Pipes::{ConnectNamedPipe, CreateNamedPipeW, PIPE_TYPE_BYTE};
use windows_sys::Win32::System::SystemInformation::{ComputerNameDnsHostname, GetComputerNameExW};

/// A connection of a stand-in daemon.
pub(crate) struct Stream(File);

impl Read for Stream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.read(room)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Stream {
    #[expect(unsafe_code, reason = "FlushFileBuffers of Windows")]
    fn drop(&mut self) {
        // What was written is lost with the pipe unless it was read.
        // SAFETY: the handle is open.
        unsafe { windows_sys::Win32::Storage::FileSystem::FlushFileBuffers(self.0.as_raw_handle()) };
    }
}

/// What a stand-in daemon listens on: the instance to which the next client comes.
pub(crate) struct Listener {
    pipe: PathBuf,
    next: Option<File>,
    vanished: Arc<AtomicBool>,
}

/// The pipes of this process's listeners, and whether they shall vanish.
static PIPES: Mutex<Vec<(PathBuf, Arc<AtomicBool>)>> = Mutex::new(Vec::new());

impl Listener {
    /// Listens there, as this user.
    pub(crate) fn bind(pipe: &Path) -> Self {
        Self::owned_by(pipe, &User::own().expect("a user").to_string())
    }

    /// Listens there with this owner.
    pub(crate) fn owned_by(pipe: &Path, sid: &str) -> Self {
        let next = Some(instance(pipe, sid, 255).expect("a pipe"));
        let vanished = Arc::new(AtomicBool::new(false));
        PIPES.lock().expect("no panic").push((pipe.to_path_buf(), Arc::clone(&vanished)));
        Self { pipe: pipe.to_path_buf(), next, vanished }
    }

    /// The next connection; nothing where nobody can connect any more.
    pub(crate) fn accept(&mut self) -> Option<Stream> {
        let instance_of_this = self.next.take()?;
        connect(&instance_of_this).expect("a connection");
        if self.vanished.load(Ordering::SeqCst) {
            return None;
        }
        // Before this one is served: whoever comes meanwhile finds the pipe there.
        let sid = User::own().expect("a user").to_string();
        self.next = instance(&self.pipe, &sid, 255).ok();
        Some(Stream(instance_of_this))
    }

    /// From here on nobody can connect; who is connected may be served to the end.
    pub(crate) fn vanish(pipe: &Path) {
        Self::end(pipe, &[ERROR_FILE_NOT_FOUND]);
    }

    /// Another one may listen there.
    pub(crate) fn give_way(pipe: &Path) {
        Self::end(pipe, &[ERROR_FILE_NOT_FOUND, ERROR_PIPE_BUSY]);
    }

    fn end(pipe: &Path, ends: &[u32]) {
        let mut pipes = PIPES.lock().expect("no panic");
        for (_, vanished) in pipes.extract_if(.., |(known, _)| known == pipe) {
            vanished.store(true, Ordering::SeqCst);
        }
        drop(pipes);
        // The first of these wakes who waits for a client.
        for _ in 0..60_000 {
            let found = File::options().read(true).write(true).open(pipe);
            let code = found.err().and_then(|error| error.raw_os_error()).map(i32::cast_unsigned);
            if code.is_some_and(|code| ends.contains(&code)) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        panic!("{} is still there", pipe.display());
    }
}

/// Waits for a client; the handle is for one operation at a time.
#[expect(unsafe_code, reason = "ConnectNamedPipe of Windows")]
fn connect(instance: &File) -> io::Result<()> {
    // SAFETY: the handle is open; it is no pipe for overlapped I/O.
    if unsafe { ConnectNamedPipe(instance.as_raw_handle(), null_mut()) } == 0 {
        let error = io::Error::last_os_error();
        // A client that has come and gone is one that says nothing.
        let has_come = [ERROR_PIPE_CONNECTED, 232].map(u32::cast_signed);
        if !error.raw_os_error().is_some_and(|code| has_come.contains(&code)) {
            return Err(error);
        }
    }
    Ok(())
}

#[expect(unsafe_code, reason = "CreateNamedPipeW of Windows and what it needs")]
fn instance(pipe: &Path, sid: &str, most: u32) -> io::Result<File> {
    let wide = |text: &str| text.encode_utf16().chain([0]).collect::<Vec<u16>>();
    let own = User::own()?;
    let text = wide(&format!("O:{sid}D:P(D;;GA;;;NU)(A;;GA;;;{own})"));
    let mut descriptor = null_mut();
    // SAFETY: the text ends with a zero and lives through the call, which allocates the descriptor.
    let made = unsafe {
        let place = &raw mut descriptor;
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            text.as_ptr(),
            SDDL_REVISION_1,
            place,
            null_mut(),
        )
    };
    if made == 0 {
        return Err(io::Error::last_os_error());
    }
    let attributes = SECURITY_ATTRIBUTES {
        nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).expect("small"),
        lpSecurityDescriptor: descriptor,
        bInheritHandle: 0,
    };
    let name = wide(pipe.to_str().expect("UTF-8"));
    // SAFETY: the name ends with a zero; all that is handed over lives through the call.
    let handle = unsafe {
        let attributes = &raw const attributes;
        CreateNamedPipeW(name.as_ptr(), PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE, most, 65536, 65536, 0, attributes)
    };
    let error = io::Error::last_os_error();
    // SAFETY: the system has allocated it, and it is used no more.
    unsafe { LocalFree(descriptor) };
    if handle == INVALID_HANDLE_VALUE {
        return Err(error);
    }
    // SAFETY: it was made just now, and nobody else has it.
    Ok(File::from(unsafe { OwnedHandle::from_raw_handle(handle) }))
}

/// Where a daemon of this home listens.
pub(crate) fn socket_in(home: &Path) -> PathBuf {
    let name = home.file_name().expect("a name").to_string_lossy();
    PathBuf::from(format!(r"\\.\pipe\tok-test-{}-{name}", std::process::id()))
}

/// The exit status.
pub(crate) fn code_of(status: ExitStatus) -> i32 {
    status.code().expect("there is always one")
}

/// This is its home.
pub(crate) fn live_in(command: &mut Command, home: &Path) {
    for (variable, folder) in
        [("XDG_CONFIG_HOME", "config"), ("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state")]
    {
        command.env(variable, home.join(folder));
    }
    // A screen behind ssh is none: no browser is opened on whatever desktop this is.
    command.env("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22");
}

/// What every program needs of the environment.
pub(crate) fn keep_what_programs_need(command: &mut Command) {
    for variable in ["SystemRoot", "SystemDrive", "TEMP", "TMP", "WINEPREFIX"] {
        if let Some(value) = std::env::var_os(variable) {
            command.env(variable, value);
        }
    }
}

/// Where programs are.
pub(crate) const USUAL_PATH: &str = r"C:\Windows\System32;C:\Windows";

/// What tells how the daemon is started.
pub(crate) const START: &str = "tokend install";

/// This machine's name, as `tok` and `tokend` know it.
#[expect(unsafe_code, reason = "GetComputerNameExW of Windows")]
pub(crate) fn host_name() -> String {
    let mut name = [0_u16; 256];
    let mut length = 256;
    // SAFETY: there is as much room as is said, and both live through the call.
    let known = unsafe { GetComputerNameExW(ComputerNameDnsHostname, name.as_mut_ptr(), &raw mut length) };
    assert_ne!(known, 0, "this machine has a name");
    String::from_utf16_lossy(&name[..usize::try_from(length).expect("small")])
}

/// A program of the same content.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    std::fs::copy(from, to).expect("a copy");
}

/// A program that writes its words to the file `words` beside its folder, a line each call, and ends well.
pub(crate) fn make_idle_program(path: &Path, words: &Path) {
    let folder = path.parent().and_then(Path::parent);
    assert_eq!(folder.map(|folder| folder.join("words")).as_deref(), Some(words));
    copy_program(&std::env::current_exe().expect("a path"), path);
}

/// Starts a program. Wine 8 fails to now and then where many are started, as `ERROR_INTERNAL_ERROR`: then once more.
pub(crate) fn starting<T>(mut start: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..8 {
        match start() {
            Err(error) if error.raw_os_error() == Some(1359) => {}
            other => return other,
        }
    }
    start()
}
