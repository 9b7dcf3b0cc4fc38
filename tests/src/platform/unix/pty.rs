//! A pseudo-terminal as a program has it on its other side.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

/// How often a reader looks whether it has been hung up.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// The side of a terminal that a person has.
#[derive(Debug)]
pub struct Hand(File);

/// A terminal of 80 columns and 24 lines: its hand, its other side, and where that is.
///
/// # Errors
/// The system's.
pub fn open_terminal() -> io::Result<(Hand, File, PathBuf)> {
    let hand = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&hand)?;
    unlockpt(&hand)?;
    rustix::io::fcntl_setfd(&hand, rustix::io::FdFlags::CLOEXEC)?;
    let path = ptsname(&hand, Vec::new())?.into_string().map_err(io::Error::other)?;
    let path = PathBuf::from(path);
    let no_ctty = rustix::fs::OFlags::NOCTTY.bits().cast_signed();
    let device = OpenOptions::new().read(true).write(true).custom_flags(no_ctty).open(&path)?;
    Ok((Hand(File::from(hand)), device, path))
}

/// All settings of a terminal.
///
/// # Errors
/// The system's.
pub fn terminal_settings(device: &File) -> io::Result<String> {
    Ok(format!("{:?}", tcgetattr(device)?))
}

impl Hand {
    /// Another descriptor of the same.
    ///
    /// # Errors
    /// The system's.
    pub fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Makes the terminal so many columns wide and lines high.
    ///
    /// # Errors
    /// The system's.
    pub fn resize(&self, columns: u16, lines: u16) -> io::Result<()> {
        let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        Ok(tcsetwinsize(&self.0, size)?)
    }

    /// What a program writes; nothing where it wrote nothing for a moment.
    ///
    /// # Errors
    /// The system's, and `UnexpectedEof` when nobody has the other side any more.
    pub fn read(&mut self, bytes: &mut [u8]) -> io::Result<Option<usize>> {
        let mut waiting = [PollFd::new(&self.0, PollFlags::IN)];
        let _ = poll(&mut waiting, Some(&LOOK));
        if waiting[0].revents().is_empty() {
            return Ok(None);
        }
        match self.0.read(bytes)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => Ok(Some(count)),
        }
    }
}

impl Write for Hand {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
