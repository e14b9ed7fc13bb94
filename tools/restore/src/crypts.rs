//! How the encrypted devices of a restored system are opened: headers that are new know
//! only the key that the operator gave.

use std::path::Path;

use lifeboat_layout::apply::Keys;
use lifeboat_layout::model::Model;
use lifeboat_layout::plan::{Plan, PlannedCrypt, Stacked};
use lifeboat_sys::error::chain;
use lifeboat_sys::run::Tool;

/// What will not open any more, in sentences: key files of crypttab, which are tried,
/// and tokens.
pub(crate) fn findings(root: &Path, plan: &Plan, model: &Model, keys: &Keys) -> Vec<String> {
    let crypts = plan.stack.iter().filter_map(|stacked| match stacked {
        Stacked::Crypt(crypt) if keys.header(&crypt.name).is_none() => Some(crypt),
        _ => None,
    });
    let mut findings = Vec::new();
    for crypt in crypts {
        let (name, under) = (&crypt.name, &crypt.under);
        if let Some(file) = key_file(crypt).filter(|file| !opens(root, crypt, file)) {
            findings.push(format!(
                "0590-481 The key file /{file} of /etc/crypttab does not open the new header of {name}; after the boot: cryptsetup luksAddKey {under} /{file}"
            ));
        }
        let old = model.crypts.iter().find(|old| old.name == *name);
        let tokens = old.map(|old| old.tokens.join(", ")).unwrap_or_default();
        if !tokens.is_empty() {
            findings.push(format!(
                "0590-482 {name} was opened by {tokens}; its new header is not bound to that, and the passphrase is asked for until it is bound again"
            ));
        }
    }
    findings
}

/// The key file of a crypttab, below the root; not a device, nor a file on one.
fn key_file(crypt: &PlannedCrypt) -> Option<&str> {
    let file = crypt.key_file.as_deref()?.strip_prefix('/')?;
    (!file.starts_with("dev/") && !file.contains(':')).then_some(file)
}

fn opens(root: &Path, crypt: &PlannedCrypt, file: &str) -> bool {
    let tool = Tool::new("cryptsetup")
        .args([
            "open",
            "--test-passphrase",
            "--key-file",
            &format!("/{file}"),
        ])
        .args(limits(crypt.options.as_deref().unwrap_or_default()))
        .arg(&crypt.under)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .chroot(root);
    match tool.status() {
        Ok((status, _)) => status.success(),
        Err(error) => {
            log::warn!("{}", chain(&error));
            false
        }
    }
}

/// Which part of the file is the key, as crypttab says it, for cryptsetup.
fn limits(options: &str) -> Vec<String> {
    let known = ["keyfile-size=", "keyfile-offset="];
    let options = options.split(',');
    options
        .filter(|option| known.iter().any(|known| option.starts_with(known)))
        .map(|option| format!("--{option}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_part_of_the_file_that_crypttab_names() {
        let options = limits("luks,discard,keyfile-size=512,keyfile-offset=4096");
        assert_eq!(options, ["--keyfile-size=512", "--keyfile-offset=4096"]);
        assert!(limits("").is_empty());
    }
}
