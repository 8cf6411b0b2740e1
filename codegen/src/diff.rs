//! What has changed between two versions of interfaces, and how much it matters.
//!
//! # What the grades mean
//!
//! A payload is positional: fields stand in the order of the schema and have no names. So every change of a message's
//! fields changes its type hash, and publisher and subscriber of two versions do not understand each other by
//! themselves. [`Grade::Additive`] says that *translation by field name* works between them, in both directions, and a
//! subscriber can opt in to it: fields that the other side does not have take their default values, and nothing is
//! lost that its reader knows of. Whoever does not opt in sees another type.
//!
//! Bounds and limits that become wider are additive, too: what was valid stays valid, and an older reader refuses the
//! values only that it could never have read. [`Grade::Breaking`] is everything after which a value of one version is
//! invalid, lost or means something else in the other.
//!
//! Comments do not count.

mod field;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::compile::Interfaces;
use crate::model::{Constant, Message, TypeDescription, TypeName};

/// How much a change matters; the greater one counts.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Grade {
    /// Nothing but comments has changed.
    Identical,
    /// Translation by field name works, in both directions.
    Additive,
    /// Values of one version are invalid, lost or mean something else in the other.
    Breaking,
}

/// What has changed at one place.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ChangeKind {
    /// The type is new.
    TypeAdded,
    /// The type is gone.
    TypeRemoved,
    /// A field is new, behind all that there were.
    FieldAddedAtEnd,
    /// A field is new, before one that there was.
    FieldAddedInTheMiddle,
    /// A field is gone.
    FieldRemoved,
    /// A field seems to have another name: one of the same type stands in its place.
    FieldRenamed {
        /// Its new name.
        to: String,
    },
    /// Fields that both versions have stand in another order.
    FieldsReordered,
    /// A field has another type.
    FieldTypeChanged {
        /// The old type, as a `.msg` file writes it.
        old: String,
        /// The new one.
        new: String,
    },
    /// A text or a list may be longer than before.
    BoundWidened {
        /// The old type.
        old: String,
        /// The new one.
        new: String,
    },
    /// A text or a list may be less long than before.
    BoundNarrowed {
        /// The old type.
        old: String,
        /// The new one.
        new: String,
    },
    /// A field that is left alone has another value than before.
    DefaultChanged,
    /// Annotations allow more values than before.
    LimitsWidened {
        /// Which annotation.
        annotation: &'static str,
    },
    /// Annotations allow fewer values, or others.
    LimitsNarrowed {
        /// Which annotation.
        annotation: &'static str,
    },
    /// The unit is given for the first time.
    UnitAdded,
    /// The unit is another one, or not given any more.
    UnitChanged,
    /// A constant is new.
    ConstantAdded,
    /// A constant is gone.
    ConstantRemoved,
    /// A constant has another value or type.
    ConstantChanged,
    /// A topic of the type belongs to one key now.
    ExclusiveAdded,
    /// A topic of the type may have several keys now.
    ExclusiveRemoved,
    /// A message that a field is made of has changed.
    NestedChanged {
        /// That message.
        type_name: TypeName,
        /// How much.
        grade: Grade,
    },
}

/// A change and where it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// The field or constant; empty when the type as a whole is meant.
    pub place: String,
    /// What has changed.
    pub kind: ChangeKind,
}

/// What has changed in one type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TypeDiff {
    /// The type.
    pub type_name: TypeName,
    /// The greatest grade of all changes.
    pub grade: Grade,
    /// The changes in the order of the fields; none when the type is identical.
    pub changes: Vec<Change>,
}

/// Compares two versions of a type and of all that it refers to. The type itself comes first, also when its name has
/// changed; what only one version refers to is not listed.
pub fn diff(old: &TypeDescription, new: &TypeDescription) -> Vec<TypeDiff> {
    let mut root = old.root.clone();
    root.type_name.clone_from(&new.root.type_name);
    let referenced = |description: &TypeDescription| -> BTreeMap<TypeName, Message> {
        let messages = description.referenced.iter();
        messages
            .map(|message| (message.type_name.clone(), message.clone()))
            .collect()
    };
    let (old, new_referenced) = (referenced(old), referenced(new));
    let both = old
        .iter()
        .filter_map(|(name, old)| Some((old, new_referenced.get(name)?)));
    let pairs: Vec<(&Message, &Message)> = std::iter::once((&root, &new.root)).chain(both).collect();
    compare(&pairs)
}

/// Compares all types of two sets of interfaces, by name; types that one set lacks are additions and removals.
pub fn diff_interfaces(old: &Interfaces, new: &Interfaces) -> Vec<TypeDiff> {
    // Events of services follow from the services, and nobody sends them.
    let listed = |interfaces: &'_ Interfaces| -> BTreeMap<TypeName, Message> {
        let messages = interfaces.messages().iter();
        messages
            .filter(|message| !message.type_name.name.ends_with("_Event"))
            .filter(|message| interfaces.path(&message.type_name).is_some())
            .map(|message| (message.type_name.clone(), message.clone()))
            .collect()
    };
    let (old, new) = (listed(old), listed(new));
    let pairs: Vec<(&Message, &Message)> = old
        .iter()
        .filter_map(|(name, old)| Some((old, new.get(name)?)))
        .collect();
    let mut diffs = compare(&pairs);
    let one_sided = |names: Vec<&TypeName>, kind: ChangeKind| {
        names
            .into_iter()
            .map(move |name| TypeDiff::new(name.clone(), vec![Change::whole(kind.clone())]))
            .collect()
    };
    let added: Vec<TypeDiff> = one_sided(
        new.keys().filter(|name| !old.contains_key(name)).collect(),
        ChangeKind::TypeAdded,
    );
    let removed: Vec<TypeDiff> = one_sided(
        old.keys().filter(|name| !new.contains_key(name)).collect(),
        ChangeKind::TypeRemoved,
    );
    diffs.extend(added.into_iter().chain(removed));
    diffs.sort_by(|a, b| a.type_name.cmp(&b.type_name));
    diffs
}

fn compare(pairs: &[(&Message, &Message)]) -> Vec<TypeDiff> {
    let mut diffs: Vec<TypeDiff> = pairs
        .iter()
        .map(|(old, new)| TypeDiff::new(new.type_name.clone(), own_changes(old, new)))
        .collect();
    raise_to_nested(pairs, &mut diffs);
    diffs
}

/// Adds to each type that its fields' types have changed. Each type is visited again only when a grade has risen.
fn raise_to_nested(pairs: &[(&Message, &Message)], diffs: &mut [TypeDiff]) {
    let mut users: BTreeMap<&TypeName, Vec<usize>> = BTreeMap::new();
    for (index, (_, new)) in pairs.iter().enumerate() {
        for name in new.references().collect::<BTreeSet<_>>() {
            users.entry(name).or_default().push(index);
        }
    }
    let mut open: Vec<(TypeName, Grade)> = diffs
        .iter()
        .filter(|diff| diff.grade > Grade::Identical)
        .map(|diff| (diff.type_name.clone(), diff.grade))
        .collect();
    while let Some((name, grade)) = open.pop() {
        for index in users.get(&name).into_iter().flatten() {
            let (Some(user), Some((_, message))) = (diffs.get_mut(*index), pairs.get(*index)) else {
                continue;
            };
            let is_about = |change: &Change| matches!(&change.kind, ChangeKind::NestedChanged { type_name, .. } if *type_name == name);
            user.changes.retain(|change| !is_about(change));
            let fields = message
                .fields
                .iter()
                .filter(|field| field.field_type.element.message() == Some(&name));
            user.changes.extend(fields.map(|field| Change {
                place: field.name.clone(),
                kind: ChangeKind::NestedChanged {
                    type_name: name.clone(),
                    grade,
                },
            }));
            if user.grade < grade {
                user.grade = grade;
                open.push((user.type_name.clone(), grade));
            }
        }
    }
}

fn own_changes(old: &Message, new: &Message) -> Vec<Change> {
    let mut changes = Vec::new();
    match (old.exclusive, new.exclusive) {
        (false, true) => changes.push(Change::whole(ChangeKind::ExclusiveAdded)),
        (true, false) => changes.push(Change::whole(ChangeKind::ExclusiveRemoved)),
        _ => {}
    }
    field::changes(old, new, &mut changes);
    let find = |constants: &[Constant], name: &str| constants.iter().find(|constant| constant.name == name).cloned();
    for constant in &old.constants {
        let kind = match find(&new.constants, &constant.name) {
            None => ChangeKind::ConstantRemoved,
            Some(now) if !same_constant(constant, &now) => ChangeKind::ConstantChanged,
            Some(_) => continue,
        };
        changes.push(Change::at(&constant.name, kind));
    }
    let added = new
        .constants
        .iter()
        .filter(|constant| find(&old.constants, &constant.name).is_none());
    changes.extend(added.map(|constant| Change::at(&constant.name, ChangeKind::ConstantAdded)));
    changes
}

/// NaN is the same as NaN here.
fn same_constant(a: &Constant, b: &Constant) -> bool {
    a.element == b.element && format!("{:?}", a.value) == format!("{:?}", b.value)
}

impl TypeDiff {
    fn new(type_name: TypeName, changes: Vec<Change>) -> Self {
        let grade = changes
            .iter()
            .map(|change| change.kind.grade())
            .max()
            .unwrap_or(Grade::Identical);
        Self {
            type_name,
            grade,
            changes,
        }
    }
}

impl Change {
    fn whole(kind: ChangeKind) -> Self {
        Self::at("", kind)
    }

    fn at(place: &str, kind: ChangeKind) -> Self {
        Self {
            place: place.to_owned(),
            kind,
        }
    }
}

impl Grade {
    /// The word for scripts: it will not change.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::Additive => "additive",
            Self::Breaking => "breaking",
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "`{}`: ", self.place)?;
        }
        write!(f, "{}", self.kind)
    }
}

/// One line with the grade, and one more for each change.
impl fmt::Display for TypeDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.type_name, self.grade)?;
        self.changes
            .iter()
            .try_for_each(|change| write!(f, "\n  {} {change}", change.kind.grade()))
    }
}

#[cfg(test)]
mod tests;
