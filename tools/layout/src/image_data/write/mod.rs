//! [`Model`] to stanzas.

mod disk;
mod file_system;
mod stack;
mod volume;

use lifeboat_stanza::{Document, Style};

use super::BLOCK;
use crate::model::{Model, Place};
use crate::size::MB;

pub(super) fn document(model: &Model) -> Document {
    let mut document = Document::new(Style::ImageData);
    document.comment("image.data: how the disks of this system are laid out");
    head(model, &mut document);
    volume::groups(model, &mut document);
    for disk in &model.disks {
        disk::source(disk, document.add("source_disk_data"));
        disk::own(disk, document.add("lx_disk_data"));
    }
    for card in &model.cards {
        document
            .add("lx_net_data")
            .set("LX_NET_NAME", &card.name)
            .set("LX_NET_MAC", or_blank(&card.mac))
            .set("LX_NET_DRIVER", or_blank(&card.driver))
            .set("LX_NET_LOCATION", &card.location)
            .set("LX_NET_MODALIAS", or_blank(&card.modalias));
    }
    for partition in &model.partitions {
        disk::partition(partition, document.add("lx_partition_data"));
    }
    for array in &model.arrays {
        stack::array(array, document.add("lx_md_data"));
    }
    for crypt in &model.crypts {
        stack::crypt(crypt, document.add("lx_crypt_data"));
    }
    for physical in &model.physical_volumes {
        if !stack::is_plain(model, physical) {
            stack::physical_volume(physical, document.add("lx_pv_data"));
        }
    }
    for lv in &model.volumes {
        volume::volume(model, lv, document.add("lv_data"));
    }
    for fs in &model.file_systems {
        file_system::file_system(model, fs, &mut document);
    }
    for what in &model.unknown {
        document.add("lx_unknown_data").set("LX_WHAT", what);
    }
    document
}

fn head(model: &Model, document: &mut Document) {
    let source = &model.source;
    let user_groups: Vec<&str> = model.user_groups.iter().map(|g| g.name.as_str()).collect();
    let head = document.add("image_data");
    head.set("IMAGE_TYPE", "pax")
        .set("DATE_TIME", or_blank(&source.date))
        .set("UNAME_INFO", or_blank(&source.uname))
        .set("PRODUCT_TAPE", "no")
        .set("USERVG_LIST", &user_groups.join(" "))
        .set("PLATFORM", "chrp")
        .set("OSLEVEL", or_blank(&source.os_level))
        .set("CPU_ID", or_blank(&source.cpu_id))
        .set("LPAR_ID", or_blank(&source.lpar_id));
    if let Some(uuid) = &source.partition_uuid {
        head.set("LX_PARTITION_UUID", uuid);
    }
    document
        .add("logical_volume_policy")
        .set("SHRINK", yes_no(model.policy.shrink))
        .set("EXACT_FIT", yes_no(model.policy.exact_fit));
}

fn or_blank(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or("")
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn places(places: &[Place]) -> String {
    let words: Vec<String> = places.iter().map(ToString::to_string).collect();
    words.join(" ")
}
