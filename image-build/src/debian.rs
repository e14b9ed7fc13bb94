//! Debian's archive as the source of packages: where it is, how a root is made
//! from it. mmdebstrap checks every signature against debian-archive-keyring.

use std::env;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use lifeboat_sys::fs::{self, FsError, PathContext as _};
use lifeboat_sys::run::{RunError, Tool};
use tempfile::TempPath;

/// The release that the rescue image and the demo system are made of.
pub const SUITE: &str = "trixie";
/// Releases that are their own updates.
const ROLLING: [&str; 2] = ["sid", "unstable"];
/// Debian's name for little-endian Power.
pub const ARCHITECTURE: &str = "ppc64el";
/// Names another archive than the build host's.
const MIRROR: &str = "LIFEBOAT_MIRROR";
/// Debian's keys, on any distribution that packages them.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Where Debian's archive is, as far as the host says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Archive {
    main: Option<String>,
    security: Option<String>,
}

impl Archive {
    /// From the environment, else from the host's own apt.
    fn find() -> Self {
        let targets = Tool::new("apt-get")
            .args([
                "indextargets",
                "--format",
                "$(REPO_URI)|$(LABEL)|$(COMPONENT)",
            ])
            .arg("Created-By: Packages")
            .run();
        // No apt, or an apt without lists: then mmdebstrap's own default is used.
        let mut archive = targets
            .map(|out| Self::parse(&out.text()))
            .unwrap_or_default();
        if let Ok(mirror) = env::var(MIRROR) {
            archive.main = Some(mirror);
        }
        archive
    }

    /// Reads `URI|LABEL|COMPONENT` lines.
    fn parse(text: &str) -> Self {
        let mut archive = Self::default();
        for line in text.lines() {
            match line.split('|').collect::<Vec<_>>()[..] {
                [uri, "Debian", "main"] => archive.main.get_or_insert(uri.to_owned()),
                [uri, "Debian-Security", "main"] => archive.security.get_or_insert(uri.to_owned()),
                _ => continue,
            };
        }
        archive
    }

    /// The archive as sources.list lines for a release; none means mmdebstrap's
    /// default, which has updates and security as well.
    fn lines(&self, release: &str) -> Vec<String> {
        let Some(main) = &self.main else {
            return Vec::new();
        };
        let line = |uri: &str, suite: &str| {
            let key = if Path::new(KEYRING).exists() {
                format!("[signed-by={KEYRING}] ")
            } else {
                String::new()
            };
            format!("deb {key}{uri} {suite} main")
        };
        let mut lines = vec![line(main, release)];
        if !ROLLING.contains(&release) {
            lines.push(line(main, &format!("{release}-updates")));
            let security = self.security.iter();
            lines.extend(security.map(|uri| line(uri, &format!("{release}-security"))));
        }
        lines
    }
}

/// Makes a tar archive of a Debian system of a release with mmdebstrap; `options`
/// say which.
///
/// Updates and security fixes are included, if the release has any. When their indexes cannot be had
/// (a mirror in the middle of its own update) the release alone is taken, which
/// is said.
///
/// # Errors
/// [`RunError`] when mmdebstrap fails without updates as well.
pub fn bootstrap(release: &str, options: &[&str], tar: &Path) -> Result<(), RunError> {
    let lines = Archive::find().lines(release);
    let tool = |extra: &[&str]| {
        Tool::new("mmdebstrap")
            .arg(format!("--architectures={ARCHITECTURE}"))
            .arg("--format=tar")
            .args(options)
            .args(extra)
            .arg(release)
            .arg(tar)
            .args(&lines)
    };
    let Err(error) = tool(&[]).run() else {
        return Ok(());
    };
    if ROLLING.contains(&release) {
        return Err(error);
    }
    eprintln!(
        "  Updates and security fixes cannot be fetched, taking the release alone: {}",
        reason(&error)
    );
    let release_alone = r#"--setup-hook=find "$1"/etc/apt -name '*.list' -exec sed -i '/-updates\|-security/d' {} +"#;
    tool(&[release_alone]).run()?;
    Ok(())
}

/// A list of what the packages of a component that are for every architecture contain,
/// which an apt of its own fetches and verifies; `work` is a directory for it.
///
/// # Errors
/// When apt fails, or the host names no archive of Debian.
pub fn contents(component: &str, work: &Path) -> anyhow::Result<String> {
    let main = Archive::find().main;
    let uri = main.context("0590-821 The host's apt knows no archive of Debian")?;
    for directory in ["etc/apt.conf.d", "lists/partial", "cache"] {
        fs::create_dir_all(work.join(directory))?;
    }
    let source = format!("deb [signed-by={KEYRING} target=Contents] {uri} {SUITE} {component}\n");
    fs::write(work.join("etc/sources.list"), source)?;
    let configuration = work.join("apt.conf");
    let dir = work.display();
    fs::write(
        &configuration,
        format!(
            r#"Dir "{dir}";
Dir::Etc "{dir}/etc";
Dir::Etc::Parts "{dir}/etc/apt.conf.d";
Dir::State "{dir}";
Dir::State::Lists "{dir}/lists";
Dir::State::Status "/dev/null";
Dir::Cache "{dir}/cache";
APT::Architectures "{ARCHITECTURE}";
APT::Architecture "{ARCHITECTURE}";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::IndexTargets::deb::Contents {{
  MetaKey "$(COMPONENT)/Contents-$(ARCHITECTURE)";
  ShortDescription "Contents";
  Description "$(RELEASE)/$(COMPONENT) Contents";
  PDiffs "false";
  KeepCompressed "true";
}};
"#
        ),
    )?;
    let apt = |program: &str| Tool::new(program).env("APT_CONFIG", &configuration);
    apt("apt-get").args(["--error-on=any", "update"]).run()?;
    let files = apt("apt-get")
        .args(["indextargets", "--format", "$(FILENAME)"])
        .arg("Created-By: Contents")
        .run()?;
    let mut text = String::new();
    for file in files.text().lines() {
        let list = apt("/usr/lib/apt/apt-helper").arg("cat-file").arg(file);
        text += &list.run()?.text();
    }
    Ok(text)
}

/// The option that adds the packages of a list, one per line, `#` before comments.
pub fn packages(list: &str) -> String {
    let names: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    format!("--include={}", names.join(","))
}

/// A script that [`bootstrap`] runs with the new system's root, and the option that
/// says so.
///
/// # Errors
/// When it cannot be written.
pub fn customization(script: &str) -> Result<(TempPath, String), FsError> {
    // Without root, mmdebstrap is another user who may not look into our home.
    let hook = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o755))
        .tempfile()
        .at("create", "customize.sh")?
        .into_temp_path();
    fs::write(&hook, script)?;
    let option = format!("--customize-hook={}", hook.display());
    Ok((hook, option))
}

/// The first line of a failed run in which apt says what it could not fetch.
fn reason(error: &RunError) -> String {
    let text = error.to_string();
    let fetch = text
        .lines()
        .find_map(|line| line.split_once("Failed to fetch ").map(|(_, why)| why));
    fetch
        .or(text.lines().last())
        .unwrap_or_default()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_debian_archive_is_found_among_others() {
        let text = "http://a.example/tools/|Tools|main\nhttp://b.example/debian/|Debian|contrib\n\
                    http://b.example/debian/|Debian|main\nhttp://c.example/|Debian-Security|main\n";
        let archive = Archive::parse(text);
        let expected = Archive {
            main: Some("http://b.example/debian/".into()),
            security: Some("http://c.example/".into()),
        };
        assert_eq!(archive, expected);
        let suites = |release| -> Vec<String> {
            let lines = archive.lines(release);
            let suite = |line: &String| line.split_whitespace().rev().nth(1).unwrap().to_owned();
            lines.iter().map(suite).collect()
        };
        assert_eq!(
            suites("trixie"),
            ["trixie", "trixie-updates", "trixie-security"]
        );
        assert_eq!(suites("sid"), ["sid"]);
    }

    #[test]
    fn another_distribution_leaves_the_choice_to_mmdebstrap() {
        let archive = Archive::parse("http://a.example/ubuntu/|Ubuntu|main\n");
        assert_eq!(archive.lines(SUITE), [""; 0]);
    }
}
