//! What the rescue image says, as far as scenarios wait for it. The only place
//! to change when a screen is reworded.

/// Title of the first screen.
pub const WELCOME: &str = "Welcome to Lifeboat";
/// Its item "Install from a System Backup".
pub const WELCOME_INSTALL: &str = "1";

/// Its item "Access a Root Volume Group".
pub const WELCOME_ACCESS: &str = "2";
/// Its item "Start a Maintenance Shell".
pub const WELCOME_SHELL: &str = "3";
/// Its item "Restart or Power Off".
pub const WELCOME_POWER: &str = "4";

/// Title of the list of installed systems.
pub const SYSTEMS: &str = "Access a Root Volume Group";
/// The first of them.
pub const FIRST_SYSTEM: &str = "1";
/// Title of the ways into one.
pub const SYSTEM: &str = "Volume Group Information";
/// Its item for a shell in the system itself.
pub const SYSTEM_INSIDE: &str = "1";
/// After that shell.
pub const RELEASED: &str = "Everything is unmounted and switched off";
/// Back, in every menu.
pub const PREVIOUS: &str = "99";

/// Title of the list of backups found.
pub const SOURCES: &str = "Choose the System Backup";
/// The first backup in it.
pub const FIRST_SOURCE: &str = "1";

/// Title of the settings.
pub const SETTINGS: &str = "System Backup Installation and Settings";
/// Their item "Disk(s) where you want to install".
pub const SETTINGS_DISKS: &str = "1";
/// Their item "Shrink File Systems".
pub const SETTINGS_SHRINK: &str = "2";
/// Their item "Grow File Systems"; once is "in proportion".
pub const SETTINGS_GROW: &str = "3";
/// Their item "Break Mirrors".
pub const SETTINGS_MIRRORS: &str = "4";
/// Their item "Continue with the settings listed above".
pub const SETTINGS_CONTINUE: &str = "0";

/// Title of the list of disks.
pub const DISKS: &str = "Change Disk(s) Where You Want to Install";
/// Its item "Continue with the choice indicated above".
pub const DISKS_CONTINUE: &str = "0";

/// Title of the plan.
pub const PLAN: &str = "Installation Plan";
/// Its item "Install as listed above".
pub const PLAN_INSTALL: &str = "0";

/// What is asked for an encrypted device.
pub const PASSPHRASE: [&str; 2] = ["New passphrase: ", "The same again: "];
/// What is asked where the old header is restored.
pub const OLD_PASSPHRASE: &str = "Passphrase: ";
/// What a starting Debian asks then.
pub const UNLOCK: &str = "unlock disk locked";

/// What a disk holds on which a restore was interrupted.
pub const UNFINISHED: &str = "unfinished restore";

/// The verdicts.
pub const RESTORED: &str = "Verdict: the system was restored";
/// Something is missing or wrong in the restored system.
pub const FAILED: &str = "Verdict: FAILED";

/// Title of the last screen.
pub const RESTART: &str = "Restart or Power Off";
/// Its item "Restart".
pub const RESTART_NOW: &str = "1";
/// Its item "Power off".
pub const POWER_OFF: &str = "2";

/// The beginning of every prompt; the default and `]: ` follow.
pub const PROMPT: &str = ">>> Choice [";
/// The end of every prompt.
pub const PROMPT_END: &str = "]: ";

/// Every message of Lifeboat begins so.
pub const MESSAGE: &str = "0590-";

/// The firmware names what it boots from: `Trying to load:  from: PATH ... `.
pub const FIRMWARE_TRIES: &str = "Trying to load:  from: ";
/// What ends the path.
pub const FIRMWARE_TRIES_END: &str = " ...";
/// What comes of it: loaded, or an error of the firmware.
pub const FIRMWARE_OUTCOMES: [&str; 2] = ["Successfully loaded", "E34"];

/// What the firmware says while a key may stop it.
pub const FIRMWARE_ENTER: &str = "to enter Open Firmware";
/// The key.
pub const FIRMWARE_ENTER_KEY: &str = "s";
/// What the firmware asks when it could boot nothing, or was stopped.
pub const FIRMWARE_PROMPT: &str = "0 > ";
/// What an operator types there who has put the CD in.
pub const FIRMWARE_BOOT_CD: &str = "boot cdrom";

/// GRUB's menu on the CD waits for a key.
pub const GRUB_MENU: &str = "executed automatically in";
/// GRUB waits for a command.
pub const GRUB_PROMPT: &str = "grub> ";
/// What starts the rescue image without questions.
pub const GRUB_AUTO: [&str; 3] = [
    "linux /boot/vmlinuz lifeboat.mode=auto quiet",
    "initrd /boot/initrd.img",
    "boot",
];
