//! Life under the service control manager: it is told how the daemon is, and its words reach the daemon.

#![expect(unsafe_code, reason = "Windows' calls")]

use std::ffi::c_void;
use std::io;
use std::process::ExitCode;
use std::ptr::null;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use windows_sys::Win32::Foundation::{
    ERROR_CALL_NOT_IMPLEMENTED, ERROR_FAILED_SERVICE_CONTROLLER_CONNECT, ERROR_SERVICE_SPECIFIC_ERROR,
    NO_ERROR,
};
use windows_sys::Win32::System::Services::{
    RegisterServiceCtrlHandlerExW, SERVICE_ACCEPT_PARAMCHANGE, SERVICE_ACCEPT_PRESHUTDOWN,
    SERVICE_ACCEPT_STOP, SERVICE_CONTROL_INTERROGATE, SERVICE_CONTROL_PARAMCHANGE,
    SERVICE_CONTROL_PRESHUTDOWN, SERVICE_CONTROL_SHUTDOWN, SERVICE_CONTROL_STOP, SERVICE_RUNNING,
    SERVICE_START_PENDING, SERVICE_STATUS, SERVICE_STATUS_HANDLE, SERVICE_STOP_PENDING, SERVICE_STOPPED,
    SERVICE_TABLE_ENTRYW, SERVICE_WIN32_OWN_PROCESS, SetServiceStatus, StartServiceCtrlDispatcherW,
};

use super::words::wide;
use crate::platform::Signal;

/// How long a start, and a stop, may take at most, in milliseconds: a stop may wait for a request that must not be cut off.
const PATIENCE: u32 = 60_000;

/// Where the manager is told; 0 where there is none.
static HANDLE: AtomicIsize = AtomicIsize::new(0);

static STOP: Notify = Notify::const_new();
static RELOAD: Notify = Notify::const_new();

/// Whether the manager may ask, and what it was told last.
static STATE: Mutex<u32> = Mutex::new(SERVICE_START_PENDING);

/// What runs as the service.
type Body = Box<dyn FnOnce() -> ExitCode + Send>;

/// What runs as the service, and how it ended.
static BODY: Mutex<Option<Body>> = Mutex::new(None);
static HAS_FAILED: AtomicBool = AtomicBool::new(false);

/// Runs `body` as the service that the service control manager has just started, and returns when it has ended.
///
/// # Errors
/// `Unsupported` where it is not the manager that has started this process, and whatever else the system says.
pub fn run(body: Body) -> io::Result<ExitCode> {
    *BODY.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
    // The name is that of whoever made the service; the manager knows which it has started.
    let mut name = wide("tokend");
    let table = [
        SERVICE_TABLE_ENTRYW { lpServiceName: name.as_mut_ptr(), lpServiceProc: Some(main) },
        SERVICE_TABLE_ENTRYW::default(),
    ];
    // SAFETY: the table ends in an empty entry and lives until the call is over, when the service has ended.
    if unsafe { StartServiceCtrlDispatcherW(table.as_ptr()) } == 0 {
        let error = io::Error::last_os_error();
        let code = error.raw_os_error().map(i32::cast_unsigned);
        return Err(match code {
            Some(ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) => io::ErrorKind::Unsupported.into(),
            _ => error,
        });
    }
    Ok(if HAS_FAILED.load(Ordering::SeqCst) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Called by the system, in a thread of its own.
unsafe extern "system" fn main(_count: u32, _words: *mut *mut u16) {
    let name = wide("tokend");
    // SAFETY: the name ends in a zero, and the handler needs no context.
    let handle = unsafe { RegisterServiceCtrlHandlerExW(name.as_ptr(), Some(handler), null()) };
    if handle.is_null() {
        return;
    }
    HANDLE.store(handle as isize, Ordering::SeqCst);
    tell(SERVICE_START_PENDING);
    let body = BODY.lock().unwrap_or_else(PoisonError::into_inner).take();
    // A panic must not run into the system's own frames.
    let end = body.map(|body| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(ExitCode::FAILURE)
    });
    HAS_FAILED.store(end != Some(ExitCode::SUCCESS), Ordering::SeqCst);
    tell(SERVICE_STOPPED);
}

/// Called by the system in the thread that asked it to dispatch.
unsafe extern "system" fn handler(
    control: u32,
    _kind: u32,
    _data: *mut c_void,
    _context: *mut c_void,
) -> u32 {
    match control {
        SERVICE_CONTROL_STOP | SERVICE_CONTROL_SHUTDOWN | SERVICE_CONTROL_PRESHUTDOWN => {
            tell(SERVICE_STOP_PENDING);
            STOP.notify_one();
        }
        SERVICE_CONTROL_PARAMCHANGE => RELOAD.notify_one(),
        SERVICE_CONTROL_INTERROGATE => {
            let state = *STATE.lock().unwrap_or_else(PoisonError::into_inner);
            tell(state);
        }
        _ => return ERROR_CALL_NOT_IMPLEMENTED,
    }
    NO_ERROR
}

/// The daemon can be asked to end from now on.
pub(super) fn is_running() {
    tell(SERVICE_RUNNING);
}

/// What the manager asks for; never, where there is none.
pub(super) async fn asked() -> Signal {
    tokio::select! {
        () = STOP.notified() => Signal::End,
        () = RELOAD.notified() => Signal::Reload,
    }
}

fn tell(state: u32) {
    let handle = HANDLE.load(Ordering::SeqCst);
    if handle == 0 {
        return;
    }
    let mut last = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    *last = state;
    let is_waited_for = matches!(state, SERVICE_START_PENDING | SERVICE_STOP_PENDING);
    let has_failed = state == SERVICE_STOPPED && HAS_FAILED.load(Ordering::SeqCst);
    let accepts = SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_PRESHUTDOWN | SERVICE_ACCEPT_PARAMCHANGE;
    let status = SERVICE_STATUS {
        dwServiceType: SERVICE_WIN32_OWN_PROCESS,
        dwCurrentState: state,
        dwControlsAccepted: if state == SERVICE_RUNNING { accepts } else { 0 },
        dwWin32ExitCode: if has_failed { ERROR_SERVICE_SPECIFIC_ERROR } else { NO_ERROR },
        dwServiceSpecificExitCode: u32::from(has_failed),
        dwCheckPoint: u32::from(is_waited_for),
        dwWaitHint: if is_waited_for { PATIENCE } else { 0 },
    };
    // SAFETY: the handle is the manager's, which needs no closing, and the status lives until the call is over.
    let _ = unsafe { SetServiceStatus(handle as SERVICE_STATUS_HANDLE, &raw const status) };
}
