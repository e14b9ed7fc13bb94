//! The system that a command works on: the one that runs, or in the rescue image the
//! one that *Access a Root Volume Group* has mounted.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use lifeboat_restore::access::VARIABLE;
use nix::unistd::{chdir, chroot};

/// Makes the root of the system that is meant the root of this process, so that from
/// here on both are alike.
pub fn enter() -> Result<()> {
    let root = std::env::var_os(VARIABLE).filter(|root| !root.is_empty() && root != "/");
    let Some(root) = root else {
        ensure!(
            !lifeboat_menu::in_rescue_image(),
            "0590-720 This is the rescue image; choose Access a Root Volume Group in its menu first"
        );
        return Ok(());
    };
    let root = Path::new(&root);
    chroot(root).and_then(|()| chdir("/")).with_context(|| {
        format!(
            "0590-860 Cannot work on the system below {}",
            root.display()
        )
    })
}
