//! The clock that goes on in sleep, and who tells of a sleep's end.

#![expect(unsafe_code, reason = "Windows' calls")]

use std::ffi::c_void;
use std::io;
use std::ptr::null_mut;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use windows_sys::Win32::System::Power::DEVICE_NOTIFY_SUBSCRIBE_PARAMETERS;
use windows_sys::Win32::System::SystemInformation::GetTickCount64;
use windows_sys::Win32::UI::WindowsAndMessaging::{
    DEVICE_NOTIFY_CALLBACK, PBT_APMRESUMEAUTOMATIC, PBT_APMRESUMECRITICAL, PBT_APMRESUMESUSPEND,
};

use super::dynamic::{Function, function};

type InterruptTime = unsafe extern "system" fn(*mut u64);

/// `QueryInterruptTimePrecise`, which Windows 10 has.
static INTERRUPT_TIME: LazyLock<Option<InterruptTime>> = LazyLock::new(|| {
    let address = function("kernelbase.dll", c"QueryInterruptTimePrecise")?;
    // SAFETY: the function of this name has this signature.
    Some(unsafe { std::mem::transmute::<Function, InterruptTime>(address) })
});

/// Milliseconds on the clock that goes on in sleep: since the system was started.
#[must_use]
pub fn steady_milliseconds() -> u64 {
    match *INTERRUPT_TIME {
        Some(query) => {
            let mut units = 0;
            // SAFETY: the time is written where it belongs.
            unsafe { query(&raw mut units) };
            units / 10_000
        }
        // Goes on in sleep, too, in steps of up to 16 ms.
        // SAFETY: the call has no conditions.
        None => unsafe { GetTickCount64() },
    }
}

/// What names the time since the system was started: nothing does. Every start of the daemon counts as one of the system.
#[must_use]
pub fn boot() -> Option<String> {
    None
}

/// How often the wall is compared with the other clock: nobody tells a program without a window that it was set.
const LOOK: Duration = Duration::from_secs(30);

/// A correction that is smaller is no jump, in milliseconds.
const JUMP: u64 = 1000;

/// Tells when the machine woke up, and not much later when the wall was set.
#[derive(Debug)]
pub struct ClockWatch {
    resumed: Arc<Notify>,
    apart: std::sync::Mutex<u64>,
}

impl ClockWatch {
    /// Watches from now on.
    ///
    /// # Errors
    /// `Unsupported` where the system does not tell that it woke up.
    pub fn new() -> io::Result<Self> {
        let resumed = Arc::new(Notify::new());
        tell_of_resumes(Arc::clone(&resumed))?;
        Ok(Self { resumed, apart: std::sync::Mutex::new(apart()) })
    }

    /// Ends when the machine woke up, or the clock was set, since the last call.
    ///
    /// # Errors
    /// None; the signature is Linux's.
    pub async fn changed(&self) -> io::Result<()> {
        loop {
            let resumed = tokio::time::timeout(LOOK, self.resumed.notified()).await.is_ok();
            let now = apart();
            let mut before = self.apart.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let was_set = now.abs_diff(*before) > JUMP;
            *before = now;
            if resumed || was_set {
                return Ok(());
            }
        }
    }
}

/// How far the wall is from the clock that goes on, in milliseconds.
fn apart() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "it is the wall that is watched")]
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(wall.as_millis()).unwrap_or(u64::MAX).saturating_sub(steady_milliseconds())
}

/// Asks for a call at each end of a sleep, for as long as the process lives.
fn tell_of_resumes(resumed: Arc<Notify>) -> io::Result<()> {
    type Register = unsafe extern "system" fn(u32, *mut c_void, *mut *mut c_void) -> u32;
    let address = function("powrprof.dll", c"PowerRegisterSuspendResumeNotification")
        .ok_or(io::ErrorKind::Unsupported)?;
    // SAFETY: the function of this name has this signature.
    let register = unsafe { std::mem::transmute::<Function, Register>(address) };
    // The system keeps both as long as the process lives.
    let context: &'static Notify = Box::leak(Box::new(ResumeTold(resumed))).0.as_ref();
    let parameters = Box::leak(Box::new(DEVICE_NOTIFY_SUBSCRIBE_PARAMETERS {
        Callback: Some(told),
        Context: std::ptr::from_ref(context).cast_mut().cast(),
    }));
    let mut registration = null_mut();
    // SAFETY: the parameters and what they point to stay where they are.
    let error = unsafe {
        register(DEVICE_NOTIFY_CALLBACK, std::ptr::from_mut(parameters).cast(), &raw mut registration)
    };
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error.cast_signed())) }
}

/// Keeps what the callback uses.
struct ResumeTold(Arc<Notify>);

unsafe extern "system" fn told(context: *const c_void, kind: u32, _setting: *const c_void) -> u32 {
    if matches!(kind, PBT_APMRESUMEAUTOMATIC | PBT_APMRESUMESUSPEND | PBT_APMRESUMECRITICAL) {
        // SAFETY: it is what was registered, which stays where it is.
        let resumed = unsafe { &*context.cast::<Notify>() };
        resumed.notify_one();
    }
    0
}

/// Beats again and again.
#[derive(Debug)]
pub struct Metronome(Duration);

impl Metronome {
    /// The first beat is `span` from now.
    ///
    /// # Errors
    /// None; the signature is Linux's.
    #[expect(clippy::unnecessary_wraps, reason = "the signature is Linux's")]
    pub fn every(span: Duration) -> io::Result<Self> {
        Ok(Self(span))
    }

    /// Ends after the span.
    ///
    /// # Errors
    /// None; the signature is Linux's.
    pub async fn beat(&self) -> io::Result<()> {
        tokio::time::sleep(self.0).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_on_by_as_much_as_others() {
        let before = steady_milliseconds();
        // Nothing is waited for: that time passes is what is looked at.
        std::thread::sleep(Duration::from_millis(60));
        let passed = steady_milliseconds() - before;
        assert!((40..30_000).contains(&passed), "{passed} ms");
    }

    #[tokio::test]
    async fn a_clock_that_is_not_set_wakes_nobody() {
        match ClockWatch::new() {
            Ok(watch) => {
                assert!(tokio::time::timeout(Duration::from_millis(50), watch.changed()).await.is_err());
            }
            Err(error) => {
                crate::platform::testing::skip("a watch of the clock", &error.to_string());
            }
        }
    }
}
