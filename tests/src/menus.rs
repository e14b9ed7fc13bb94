//! Driving the rescue image as an operator does: read, type a number, read.

use anyhow::{Context, Result, bail};
use lifeboat_qemu::{Patience, Running};

use crate::limits;
use crate::texts;

/// Screens between the first menu and the consent; more would be a loop.
const MOST_SCREENS: usize = 8;

/// Waits for a screen and answers its prompt.
///
/// # Errors
/// When the screen does not come.
pub fn answer(machine: &mut Running, title: &str, number: &str, patience: Patience) -> Result<()> {
    machine
        .expect(title, patience)
        .with_context(|| format!("screen {title:?}"))?;
    prompt(machine)?;
    Ok(machine.send_line(number)?)
}

/// Waits for a prompt, whatever the screen.
///
/// # Errors
/// When no prompt comes.
pub fn prompt(machine: &mut Running) -> Result<()> {
    machine.expect(texts::PROMPT, limits::screen())?;
    machine.expect(texts::PROMPT_END, limits::screen())?;
    Ok(())
}

/// From power-on to the list of backups. Leaves the mark `menu`.
///
/// # Errors
/// When the first screen does not come.
pub fn begin(machine: &mut Running) -> Result<()> {
    machine.expect(texts::WELCOME, limits::to_menu())?;
    prompt(machine)?;
    machine.mark("menu");
    Ok(machine.send_line(texts::WELCOME_INSTALL)?)
}

/// From power-on to the consent to restore the first backup found onto the disk
/// that the settings propose. Leaves the marks `menu` and `consent`.
///
/// # Errors
/// When a screen does not come.
pub fn agree(machine: &mut Running) -> Result<()> {
    agree_with(machine, &[])
}

/// The same, with settings changed before.
///
/// # Errors
/// When a screen does not come.
pub fn agree_with(machine: &mut Running, changes: &[&str]) -> Result<()> {
    begin(machine)?;
    answer(
        machine,
        texts::SOURCES,
        texts::FIRST_SOURCE,
        limits::screen(),
    )?;
    for number in changes.iter().chain(&[texts::SETTINGS_CONTINUE]) {
        answer(machine, texts::SETTINGS, number, limits::proof())?;
    }
    answer(machine, texts::PLAN, texts::PLAN_INSTALL, limits::proof())?;
    machine.mark("consent");
    Ok(())
}

/// Waits for the verdict and insists on a good one. Leaves the mark `verdict`.
///
/// # Errors
/// When the verdict is bad or does not come.
pub fn verdict(machine: &mut Running) -> Result<()> {
    let verdict = machine.expect_any(&[texts::RESTORED, texts::FAILED], limits::install())?;
    machine.mark("verdict");
    if verdict.which != 0 {
        bail!("the verdict is bad\n{}", machine.evidence());
    }
    Ok(())
}

/// Powers off from the menu at the end.
///
/// # Errors
/// When the menu does not come or the machine stays on.
pub fn power_off(machine: &mut Running) -> Result<()> {
    answer(machine, texts::RESTART, texts::POWER_OFF, limits::screen())?;
    machine.wait_exit(limits::power_off())?;
    Ok(())
}

/// From power-on to a shell in the first installed system.
///
/// # Errors
/// When a screen or the shell does not come.
pub fn access(machine: &mut Running) -> Result<()> {
    let screens = [
        (texts::WELCOME, texts::WELCOME_ACCESS, limits::to_menu()),
        (texts::SYSTEMS, texts::FIRST_SYSTEM, limits::screen()),
        (texts::SYSTEM, texts::SYSTEM_INSIDE, limits::screen()),
    ];
    for (title, number, limit) in screens {
        answer(machine, title, number, limit)?;
    }
    machine.expect("# ", limits::screen()).context("a shell")?;
    Ok(machine.quiet_shell()?)
}

/// Out of that shell, through the menus, and off.
///
/// # Errors
/// When something is still in use, or a screen does not come.
pub fn leave_and_power_off(machine: &mut Running) -> Result<()> {
    machine.send_line("exit")?;
    machine.expect(texts::RELEASED, limits::command())?;
    for (title, number) in [
        (texts::SYSTEMS, texts::PREVIOUS),
        (texts::WELCOME, texts::WELCOME_POWER),
    ] {
        answer(machine, title, number, limits::screen())?;
    }
    power_off(machine)
}

/// Goes forward through the screens until one of them, or what comes before it,
/// holds a numbered message, and returns the message. The prompt is there again.
///
/// # Errors
/// When the restore starts, or nothing refuses.
pub fn expect_refusal(machine: &mut Running) -> Result<String> {
    let answers = [
        (texts::SOURCES, texts::FIRST_SOURCE),
        (texts::SETTINGS, texts::SETTINGS_CONTINUE),
        (texts::PLAN, texts::PLAN_INSTALL),
    ];
    begin(machine)?;
    for _ in 0..MOST_SCREENS {
        let needles = [texts::PROMPT, texts::RESTORED, texts::FAILED];
        let found = machine.expect_any(&needles, limits::proof())?;
        if found.which != 0 {
            bail!(
                "a restore ran where a refusal was due\n{}",
                machine.evidence()
            );
        }
        machine.expect(texts::PROMPT_END, limits::screen())?;
        if let Some(at) = found.before.find(texts::MESSAGE) {
            return Ok(paragraph(&found.before[at..]));
        }
        let screen = answers
            .iter()
            .find(|(title, _)| found.before.contains(title));
        let Some((_, number)) = screen else {
            bail!("an unknown screen\n{}", machine.evidence());
        };
        machine.send_line(number)?;
    }
    bail!(
        "{MOST_SCREENS} screens and neither refusal nor restore\n{}",
        machine.evidence()
    )
}

/// The text up to the first empty line, on one line: messages are wrapped.
fn paragraph(text: &str) -> String {
    let lines = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_message_is_one_sentence() {
        assert_eq!(
            paragraph("0590-220 No disk was\n  found here\n\n  Welcome\n"),
            "0590-220 No disk was found here"
        );
    }
}
