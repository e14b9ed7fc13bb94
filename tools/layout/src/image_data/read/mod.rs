//! Stanzas to [`Model`].

mod disk;
mod file_system;
mod stack;
mod volume;

use std::str::FromStr;

use lifeboat_stanza::{Document, FieldError, Stanza};

use super::BLOCK;
use crate::model::{Card, Model, ModelError, Place, Policy, Source};
use crate::size::MB;

type Read<T> = Result<T, ModelError>;

pub(super) fn model(document: &Document) -> Read<Model> {
    let source = at_most_one(document, "image_data")?;
    let policy = at_most_one(document, "logical_volume_policy")?;
    let group = at_most_one(document, "vg_data")?;
    let mut model = Model {
        source: source.map(source_of).transpose()?.unwrap_or_default(),
        policy: policy.map(policy_of).transpose()?.unwrap_or_default(),
        group: group.map(volume::group).transpose()?,
        more_groups: each(document, "lx_vg_data", volume::group)?,
        disks: each(document, "lx_disk_data", |own| disk::disk(document, own))?,
        cards: each(document, "lx_net_data", card)?,
        arrays: each(document, "lx_md_data", stack::array)?,
        crypts: each(document, "lx_crypt_data", stack::crypt)?,
        physical_volumes: each(document, "lx_pv_data", stack::physical_volume)?,
        user_groups: each(document, "lx_user_vg_data", volume::user_group)?,
        unknown: each(document, "lx_unknown_data", |stanza| {
            Ok(stanza.required("LX_WHAT")?.to_owned())
        })?,
        ..Model::default()
    };
    model.partitions = each(document, "lx_partition_data", |stanza| {
        disk::partition(&model, stanza)
    })?;
    model.volumes = each(document, "lv_data", |stanza| volume::volume(&model, stanza))?;
    for stanza in document.stanzas() {
        let swap = stanza.name() == "lx_swap_data";
        if swap || stanza.name() == "fs_data" {
            let fs = file_system::file_system(&model, stanza, swap)?;
            model.file_systems.push(fs);
        }
    }
    for stanza in document.named("lx_subvol_data") {
        file_system::subvolume(&mut model, stanza)?;
    }
    stack::plain_physical_volumes(&mut model)?;
    Ok(model)
}

fn each<T>(document: &Document, name: &str, read: impl Fn(&Stanza) -> Read<T>) -> Read<Vec<T>> {
    document.named(name).map(read).collect()
}

fn at_most_one<'a>(document: &'a Document, stanza: &'static str) -> Read<Option<&'a Stanza>> {
    match document.named(stanza).count() {
        0 | 1 => Ok(document.named(stanza).next()),
        count => Err(ModelError::Count {
            stanza,
            count,
            wanted: "at most one",
        }),
    }
}

fn text(stanza: &Stanza, field: &str) -> Result<Option<String>, FieldError> {
    Ok(stanza.text(field)?.map(str::to_owned))
}

/// The words of a field.
fn words(stanza: &Stanza, field: &str) -> Result<Vec<String>, FieldError> {
    let words = stanza.text(field)?.unwrap_or("").split_whitespace();
    Ok(words.map(str::to_owned).collect())
}

fn number<T: FromStr>(stanza: &Stanza, field: &str) -> Result<Option<T>, FieldError> {
    stanza.value(field, "a number", |value| value.parse().ok())
}

fn required_number<T: FromStr>(stanza: &Stanza, field: &str) -> Result<T, FieldError> {
    stanza.required_value(field, "a number", |value| value.parse().ok())
}

/// A size, in units of `unit` bytes; sizes whose bytes a `u64` cannot count are
/// no sizes.
fn size(stanza: &Stanza, field: &str, unit: u64) -> Result<u64, FieldError> {
    stanza.required_value(field, "a number above 0", |value| {
        value
            .parse::<u64>()
            .ok()
            .filter(|n| *n > 0)?
            .checked_mul(unit)
    })
}

/// A size that may be blank or 0.
fn optional_size(stanza: &Stanza, field: &str, unit: u64) -> Result<Option<u64>, FieldError> {
    let allowed = "a number";
    stanza.value(field, allowed, |value| {
        value.parse::<u64>().ok()?.checked_mul(unit)
    })
}

/// What a disk calls a sector.
fn sector(stanza: &Stanza, field: &str) -> Result<u32, FieldError> {
    stanza.required_value(field, "512, 4096", |value| match value {
        "512" => Some(512),
        "4096" => Some(4096),
        _ => None,
    })
}

fn place(stanza: &Stanza, field: &str) -> Result<Place, FieldError> {
    let allowed = "a device, as in hdisk0:2, lv:rootvg/hd4, md:0, crypt:name";
    stanza.required_value(field, allowed, |value| value.parse().ok())
}

fn places(stanza: &Stanza, field: &str) -> Result<Vec<Place>, FieldError> {
    let allowed = "devices, as in hdisk0:2 hdisk1:2";
    let read = |value: &str| {
        value
            .split_whitespace()
            .map(|word| word.parse().ok())
            .collect()
    };
    Ok(stanza.value(field, allowed, read)?.unwrap_or_default())
}

fn source_of(stanza: &Stanza) -> Read<Source> {
    Ok(Source {
        date: text(stanza, "DATE_TIME")?,
        uname: text(stanza, "UNAME_INFO")?,
        os_level: text(stanza, "OSLEVEL")?,
        cpu_id: text(stanza, "CPU_ID")?,
        lpar_id: text(stanza, "LPAR_ID")?,
        partition_uuid: text(stanza, "LX_PARTITION_UUID")?,
    })
}

fn card(stanza: &Stanza) -> Read<Card> {
    let name = stanza.required_value("LX_NET_NAME", "the name of an interface", |value| {
        let plain = |c: char| c.is_ascii_graphic() && c != '/';
        let usable = value.len() < 16 && value.chars().all(plain) && !value.starts_with('.');
        usable.then(|| value.to_owned())
    })?;
    let mac = stanza.value(
        "LX_NET_MAC",
        "an address, as in 52:54:00:12:34:56",
        |value| {
            let plain = |c: char| c.is_ascii_hexdigit() || c == ':';
            value.chars().all(plain).then(|| value.to_ascii_lowercase())
        },
    )?;
    Ok(Card {
        name,
        mac,
        driver: text(stanza, "LX_NET_DRIVER")?,
        location: stanza.required("LX_NET_LOCATION")?.to_owned(),
        modalias: text(stanza, "LX_NET_MODALIAS")?,
    })
}

fn policy_of(stanza: &Stanza) -> Read<Policy> {
    let yes = |field| Ok::<_, FieldError>(stanza.yes_no(field)?.unwrap_or(false));
    Ok(Policy {
        shrink: yes("SHRINK")?,
        exact_fit: yes("EXACT_FIT")?,
    })
}
