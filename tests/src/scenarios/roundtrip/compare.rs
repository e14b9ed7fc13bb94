//! The restored disk beside the running system that it is a copy of: rsync, GNU
//! tar, getfattr, getcap, lsattr and find must not tell them apart.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::Running;

use crate::judge::guest::{ask, ask_within};
use crate::limits;

/// Where the restored file systems are mounted in the source.
const COPY: &str = "/run/copy";

/// What a restore makes anew, and what a running system changes between the
/// backup and the comparison: prefixes of paths, without a slash before them.
const MAY_DIFFER: &[&str] = &[
    "boot/grub/",
    "boot/initrd.img",
    "etc/fstab",
    "etc/lvm/",
    "etc/systemd/system/",
    "image.data",
    "bosinst.data",
    "lost+found/",
    "boot/lost+found/",
    "run/",
    "usr/lib/lifeboat-firstboot",
    "usr/lib/systemd/system/lifeboat-firstboot",
    "var/lib/initramfs-tools/",
    "var/lib/systemd/",
    "var/log/",
    "var/tmp/",
];

/// Directories under which the running system has something mounted: there
/// rsync sees what is mounted, and in the copy the empty directory.
const MOUNTED_OVER: &[&str] = &["dev/", "mnt/", "proc/", "run/", "sys/", "tmp/"];

/// Mounts the restored disk and compares.
pub fn everything(machine: &mut Running) -> Result<()> {
    mount(machine).context("mounting the restored disk")?;
    rsync(machine)?;
    lists(machine)?;
    deep(machine)?;
    huge(machine)?;
    tar(machine)?;
    ask(
        machine,
        &format!("umount -R {COPY} && vgchange -an restored"),
    )?;
    Ok(())
}

/// Its volume group has the name of the running one: it gets another for now.
fn mount(machine: &mut Running) -> Result<()> {
    let wait = "for i in $(seq 100); do test -b /dev/sda3 && break; sleep .2; done; udevadm settle; test -b /dev/sda3";
    ask_within(machine, wait, limits::command())?;
    let uuid = ask(machine, "pvs --noheadings -o vg_uuid /dev/sda3 2>/dev/null")?;
    ask(
        machine,
        &format!("vgrename {} restored && vgchange -ay restored", uuid.trim()),
    )?;
    ask(
        machine,
        &format!("mkdir -p {COPY} && mount -o ro /dev/restored/hd4 {COPY}"),
    )?;
    ask(machine, &format!("mount -o ro /dev/sda2 {COPY}/boot"))?;
    ask(
        machine,
        &format!("mount -o ro,nouuid /dev/restored/hd9var {COPY}/var"),
    )?;
    Ok(())
}

/// rsync compares content, modes, owners, times, ACLs, attributes, hard links
/// and devices. It cannot follow paths beyond 4096 bytes and would read holes.
fn rsync(machine: &mut Running) -> Result<()> {
    let mut found = Vec::new();
    for root in ["/", "/boot/", "/var/"] {
        let command = format!(
            "rsync -naAXHcx --delete --itemize-changes --exclude=/srv/hard/001-* --exclude=/srv/hard/huge \
             --exclude=/srv/scratch/* {root} {COPY}{root}"
        );
        let output = ask_within(machine, &command, limits::whole_system())?;
        let place = &root[1..];
        found.extend(output.lines().filter_map(|line| difference(line, place)));
    }
    ensure!(found.is_empty(), "rsync tells apart\n{}", found.join("\n"));
    Ok(())
}

/// A line of `rsync --itemize-changes` that matters: `>f.st...... srv/x`.
fn difference(line: &str, place: &str) -> Option<String> {
    let (what, path) = line.trim_end().split_once(char::is_whitespace)?;
    let path = path.trim_start();
    let path = format!("{place}{}", path.strip_prefix("./").unwrap_or(path));
    // Sockets belong to the programs that listen on them: they are not saved.
    let socket = what.starts_with("cS");
    // A directory's own time changes with what comes and goes in it.
    let parent = what == ".d..t......" && MAY_DIFFER.iter().any(|may| may.starts_with(&path));
    let mounted_over = what.starts_with(".d") && MOUNTED_OVER.contains(&path.as_str());
    (!socket && !parent && !mounted_over && !may_differ(&path)).then(|| format!("{what} {path}"))
}

fn may_differ(path: &str) -> bool {
    MAY_DIFFER.iter().any(|prefix| path.starts_with(prefix))
}

/// What rsync does not look at, or only as one of many: every attribute by
/// getfattr, capabilities, flags of inodes, project ids.
fn lists(machine: &mut Running) -> Result<()> {
    let commands = [
        "getfattr --recursive --physical --no-dereference --dump --match=- --encoding=hex srv/hard/[!0]* | grep -v '^# file'",
        "getcap -r srv usr/bin",
        "lsattr -d srv/hard/[!0]* srv/hard/frozen/* 2>/dev/null | sed 's/ srv/ srv/'",
        "lsattr -p -d var/project var/project/file",
        "stat --format '%n %s %b' srv/hard/sparse srv/hard/hole | sed 's/ [0-9]*$//'",
        "find srv/hard -maxdepth 1 -printf '%P %y %#m %U %G %n %T@ %l\\n' | grep -v ^huge | sort",
        "find srv/hard/frozen srv/hard/names srv/hard/elsewhere -printf '%P %y %#m %U %G %s %n %T@\\n' | sort",
        "find var/many -type f | wc -l",
    ];
    for command in commands {
        let source = ask_within(
            machine,
            &format!("cd / && {command}"),
            limits::whole_system(),
        )?;
        let copy = ask_within(
            machine,
            &format!("cd {COPY} && {command}"),
            limits::whole_system(),
        )?;
        ensure!(!source.is_empty(), "nothing from {command}");
        let wrong: Vec<String> = differing(&source, &copy);
        ensure!(
            wrong.is_empty(),
            "{command} tells apart\n{}",
            wrong.join("\n")
        );
    }
    let blocks = ask(
        machine,
        &format!("stat --format %b {COPY}/srv/hard/sparse {COPY}/srv/hard/hole"),
    )?;
    let blocks: Vec<u64> = blocks.lines().map(str::parse).collect::<Result<_, _>>()?;
    ensure!(
        blocks.len() == 2 && blocks[0] <= 64 && blocks[1] <= 8,
        "the sparse files take {blocks:?} blocks"
    );
    Ok(())
}

/// Lines that only one of two texts has.
fn differing(source: &str, copy: &str) -> Vec<String> {
    let (a, b): (Vec<_>, Vec<_>) = (source.lines().collect(), copy.lines().collect());
    let only = |mark: &str, these: &[&str], those: &[&str]| -> Vec<String> {
        let missing = these.iter().filter(|line| !those.contains(line));
        missing.map(|line| format!("{mark} {line}")).collect()
    };
    // A socket is a name of its program, not of the backup.
    let real = |line: &String| !line.contains("socket s 0");
    let mut all = only("source:", &a, &b);
    all.extend(only("copy:  ", &b, &a));
    all.into_iter().filter(real).collect()
}

/// A path beyond 4096 bytes, by a program that walks it step by step.
fn deep(machine: &mut Running) -> Result<()> {
    let command = "find srv/hard -path '*/030-*' -name deepest -execdir cat {} ';' -printf '%d\\n'";
    let source = ask(machine, &format!("cd / && {command}"))?;
    let copy = ask(machine, &format!("cd {COPY} && {command}"))?;
    ensure!(
        source.starts_with("deep"),
        "the deepest file says {source:?}"
    );
    ensure!(source == copy, "the deepest file says {copy:?} in the copy");
    Ok(())
}

/// The file of 9 GiB: its length, its end, and that it takes no space.
fn huge(machine: &mut Running) -> Result<()> {
    let command = format!(
        "stat --format '%s %b' {COPY}/srv/hard/huge && tail -c 13 {COPY}/srv/hard/huge | tr -d '\\0'"
    );
    let said = ask(machine, &command)?;
    let whole = said.starts_with("9663676428 ") && said.ends_with("behind 9 GiB");
    let blocks: Option<u64> = said
        .lines()
        .next()
        .and_then(|l| l.split(' ').nth(1)?.parse().ok());
    ensure!(
        whole && blocks.is_some_and(|n| n <= 64),
        "the file of 9 GiB is {said:?}"
    );
    Ok(())
}

/// GNU tar reads the backup and compares it with what was restored.
fn tar(machine: &mut Running) -> Result<()> {
    ask(machine, "mount -o ro /dev/vdb /backup")?;
    let command = format!(
        "zstd -dcq /backup/system.mksysb | tar --compare --file=- --directory={COPY} --numeric-owner \
         --warning=no-unknown-keyword 2>&1 | grep -v '^tar: Exiting'; true"
    );
    let output = ask_within(machine, &command, limits::whole_system())?;
    ask(machine, "umount /backup")?;
    let matters = |line: &&str| {
        let path = line.trim_start_matches("tar: ").trim_start_matches("./");
        // tar itself cannot go there.
        !may_differ(path) && !path.starts_with("srv/hard/001-") && !path.starts_with(".lifeboat/")
    };
    let wrong: Vec<&str> = output.lines().filter(matters).collect();
    ensure!(
        wrong.is_empty(),
        "GNU tar tells apart\n{}",
        wrong.join("\n")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rsync_says_is_sorted_out() {
        assert_eq!(difference(">f..t...... etc/fstab", ""), None);
        assert_eq!(difference("cS+++++++++ srv/hard/socket", ""), None);
        assert_eq!(difference(".d..t...... log/", "var/"), None);
        assert_eq!(difference(".d..t...... ./", "boot/"), None);
        assert_eq!(difference(".d..tp..... proc/", ""), None);
        assert_eq!(
            difference(">fc.t...... lib/dpkg/status", "var/").as_deref(),
            Some(">fc.t...... var/lib/dpkg/status")
        );
        assert_eq!(
            difference("*deleting   srv/more", "").as_deref(),
            Some("*deleting srv/more")
        );
    }

    #[test]
    fn lines_of_one_side_are_named() {
        assert_eq!(differing("a\nb\n", "b\nc\n"), ["source: a", "copy:   c"]);
    }
}
