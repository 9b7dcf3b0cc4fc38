//! Asking by a program as ssh's `SSH_ASKPASS`: one argument, the prompt; the answer on its standard output.

use std::io::{self, Read};
use std::path::Path;
use std::process::{ChildStdout, Command};

use tokend_client::Secret;
use tokend_proto::limits::MAX_SECRET;
use zeroize::Zeroizing;

use super::super::complaint::Complaint;
use super::dialogue::{self, PATIENCE, Trouble};
use super::{Question, declined, first_line, unusable};

/// Asks once. A program that ends with another status than 0 was cancelled (ssh-askpass(1)).
pub(super) fn ask(program: &Path, question: Question<'_>) -> Result<Secret, Complaint> {
    let mut command = Command::new(program);
    command.arg(prompt(question));
    let name = program.display();
    let (answer, status) = dialogue::hold(command, PATIENCE, |input, output| {
        drop(input);
        read(output)
    })
    .map_err(|trouble| match trouble {
        Trouble::NotStarted(error) => unusable(&format!("{name} cannot be started"), &error.to_string()),
        Trouble::TimedOut => declined(),
    })?;
    if !status.is_some_and(|status| status.success()) {
        return Err(declined());
    }
    first_line(answer.map_err(|error| unusable(&format!("{name} cannot be read"), &error.to_string()))?)
}

fn prompt(question: Question<'_>) -> String {
    match question.mistake {
        Some(mistake) => format!("{mistake}\n{}: ", question.prompt),
        None => format!("{}: ", question.prompt),
    }
}

/// All of it, into room that does not grow. One byte more than a secret, so that a longer one is not cut unseen.
fn read(output: ChildStdout) -> io::Result<Zeroizing<Vec<u8>>> {
    let limit = MAX_SECRET + 3;
    let mut answer = Zeroizing::new(Vec::with_capacity(limit + 1));
    output.take(limit as u64).read_to_end(&mut answer)?;
    Ok(answer)
}
