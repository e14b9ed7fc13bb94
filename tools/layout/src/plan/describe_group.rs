//! The plan of a volume group on its own, in words and numbers.

use super::GroupPlan;
use super::describe_parts::{
    backup, empty_lines, group_table, identity, on, purpose, shrunk_lines, untouched_lines,
};
use super::text::{TABLE, wrap};

impl GroupPlan {
    /// The plan for a person, in lines of at most `width` columns (76 at least,
    /// for the table).
    #[must_use]
    pub fn lines(&self, width: usize) -> Vec<String> {
        let width = width.max(TABLE);
        let mut lines = Vec::new();
        let mut say = |head: &str, text: &str| lines.extend(wrap(head, text, width));
        let taken = self.taken.as_deref();
        say("Backup", &backup(&self.group.name, taken, self.shrink));
        let mut head = if self.targets.len() == 1 {
            "Target disk"
        } else {
            "Target disks"
        };
        for target in &self.targets {
            let disk = identity(&target.disk);
            say(head, &format!("{disk}, chosen because {}", target.reason));
            head = "";
        }
        let destroyed = self.destroys();
        let mut head = "DESTROYED";
        for content in &destroyed {
            say(head, content);
            head = "";
        }
        if destroyed.is_empty() {
            say("Destroyed", "nothing, the disks are empty");
        }
        let above = |device: &str| {
            let found = on(&self.file_systems, device);
            found.map_or_else(String::new, purpose)
        };
        lines.extend(group_table(&self.group, self.old_extent, &above, width));
        lines.extend(shrunk_lines(&self.file_systems, width));
        lines.extend(empty_lines(&self.raw(), width));
        lines.extend(untouched_lines(&self.untouched, width));
        lines
    }
}
