//! What has changed in the fields of a message.

use std::collections::BTreeSet;

use super::{Change, ChangeKind};
use crate::model::{Constant, Count, Element, Field, FieldType, Message};

pub(super) fn changes(old: &Message, new: &Message, changes: &mut Vec<Change>) {
    let find = |message: &'_ Message, name: &str| message.fields.iter().position(|field| field.name == name);
    let last_kept = new.fields.iter().rposition(|field| find(old, &field.name).is_some());
    let mut renamed = BTreeSet::new();
    for (index, field) in old.fields.iter().enumerate() {
        let Some(now) = find(new, &field.name).and_then(|index| new.fields.get(index)) else {
            // One of the same type in the same place is likely to be the same field.
            let heir = new
                .fields
                .get(index)
                .filter(|heir| heir.field_type == field.field_type && find(old, &heir.name).is_none());
            let kind = match heir {
                Some(heir) => {
                    renamed.insert(heir.name.as_str());
                    ChangeKind::FieldRenamed { to: heir.name.clone() }
                }
                None => ChangeKind::FieldRemoved,
            };
            changes.push(Change::at(&field.name, kind));
            continue;
        };
        let kinds = field_changes(field, &old.constants, now, &new.constants);
        changes.extend(kinds.into_iter().map(|kind| Change::at(&field.name, kind)));
    }
    for (index, field) in new.fields.iter().enumerate() {
        if find(old, &field.name).is_some() || renamed.contains(field.name.as_str()) {
            continue;
        }
        let at_end = last_kept.is_none_or(|last| index > last);
        let kind = if at_end {
            ChangeKind::FieldAddedAtEnd
        } else {
            ChangeKind::FieldAddedInTheMiddle
        };
        changes.push(Change::at(&field.name, kind));
    }
    let kept = |from: &'_ Message, other: &Message| -> Vec<String> {
        let names = from.fields.iter().map(|field| field.name.clone());
        names.filter(|name| find(other, name).is_some()).collect()
    };
    if kept(old, new) != kept(new, old) {
        changes.push(Change::whole(ChangeKind::FieldsReordered));
    }
}

fn field_changes(old: &Field, old_constants: &[Constant], new: &Field, new_constants: &[Constant]) -> Vec<ChangeKind> {
    let mut kinds: Vec<ChangeKind> = type_change(&old.field_type, &new.field_type).into_iter().collect();
    // NaN is the same as NaN here.
    if format!("{:?}", old.default) != format!("{:?}", new.default) {
        kinds.push(ChangeKind::DefaultChanged);
    }
    match (&old.unit, &new.unit) {
        (None, Some(_)) => kinds.push(ChangeKind::UnitAdded),
        (old, new) if old != new => kinds.push(ChangeKind::UnitChanged),
        _ => {}
    }
    let (was, is) = (&old.limits, &new.limits);
    let range = |range: Option<(f64, f64)>| range.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
    let ((low, high), (new_low, new_high)) = (range(was.range), range(is.range));
    let mut limit = |annotation, narrower: bool, wider: bool| match (narrower, wider) {
        (true, _) => kinds.push(ChangeKind::LimitsNarrowed { annotation }),
        (false, true) => kinds.push(ChangeKind::LimitsWidened { annotation }),
        (false, false) => {}
    };
    limit(
        "@range",
        new_low > low || new_high < high,
        new_low < low || new_high > high,
    );
    limit("@finite", is.finite && !was.finite, was.finite && !is.finite);
    let age = |age: Option<std::time::Duration>| age.unwrap_or(std::time::Duration::MAX);
    let (old_age, new_age) = (age(was.max_age), age(is.max_age));
    limit("@max_age", new_age < old_age, new_age > old_age);
    let allowed = |prefix: &Option<String>, constants: &[Constant]| -> Option<BTreeSet<String>> {
        let prefix = prefix.as_ref()?;
        let values = constants
            .iter()
            .filter(|constant| constant.name.starts_with(prefix.as_str()));
        Some(values.map(|constant| format!("{:?}", constant.value)).collect())
    };
    let (old_values, new_values) = (
        allowed(&was.enumeration, old_constants),
        allowed(&is.enumeration, new_constants),
    );
    let missing = |from: &Option<BTreeSet<String>>, of: &Option<BTreeSet<String>>| match (from, of) {
        (Some(from), Some(of)) => of.difference(from).next().is_some(),
        (Some(_), None) => true,
        (None, _) => false,
    };
    limit(
        "@enum",
        missing(&new_values, &old_values),
        missing(&old_values, &new_values),
    );
    kinds
}

fn type_change(old: &FieldType, new: &FieldType) -> Option<ChangeKind> {
    if old == new {
        return None;
    }
    let (old_text, new_text) = (old.to_string(), new.to_string());
    let changed = |old, new| Some(ChangeKind::FieldTypeChanged { old, new });
    let endless = |bound: Option<u32>| bound.map_or(u64::MAX, u64::from);
    let element = match (&old.element, &new.element) {
        (a, b) if a == b => (0, 0),
        (Element::Text { kind: a, bound: from }, Element::Text { kind: b, bound: to }) if a == b => {
            (endless(*from), endless(*to))
        }
        _ => return changed(old_text, new_text),
    };
    let count = match (old.count, new.count) {
        (a, b) if a == b => (0, 0),
        (Count::Sequence { bound: from }, Count::Sequence { bound: to }) => (endless(from), endless(to)),
        _ => return changed(old_text, new_text),
    };
    let narrower = element.1 < element.0 || count.1 < count.0;
    Some(match narrower {
        true => ChangeKind::BoundNarrowed {
            old: old_text,
            new: new_text,
        },
        false => ChangeKind::BoundWidened {
            old: old_text,
            new: new_text,
        },
    })
}
