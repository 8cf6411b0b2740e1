//! How much each kind of change matters, and its words for scripts and for people.

use std::fmt;

use super::{ChangeKind, Grade};

impl ChangeKind {
    /// How much a change of this kind matters.
    pub const fn grade(&self) -> Grade {
        match self {
            Self::TypeAdded
            | Self::FieldAddedAtEnd
            | Self::FieldAddedInTheMiddle
            | Self::FieldsReordered
            | Self::BoundWidened { .. }
            | Self::DefaultChanged
            | Self::LimitsWidened { .. }
            | Self::UnitAdded
            | Self::ConstantAdded
            | Self::ExclusiveRemoved => Grade::Additive,
            Self::TypeRemoved
            | Self::FieldRemoved
            | Self::FieldRenamed { .. }
            | Self::FieldTypeChanged { .. }
            | Self::BoundNarrowed { .. }
            | Self::LimitsNarrowed { .. }
            | Self::UnitChanged
            | Self::ConstantRemoved
            | Self::ConstantChanged
            | Self::ExclusiveAdded => Grade::Breaking,
            Self::NestedChanged { grade, .. } => *grade,
        }
    }

    /// The word for scripts: it will not change.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::TypeAdded => "type-added",
            Self::TypeRemoved => "type-removed",
            Self::FieldAddedAtEnd => "field-added-at-end",
            Self::FieldAddedInTheMiddle => "field-added-in-the-middle",
            Self::FieldRemoved => "field-removed",
            Self::FieldRenamed { .. } => "field-renamed",
            Self::FieldsReordered => "fields-reordered",
            Self::FieldTypeChanged { .. } => "field-type-changed",
            Self::BoundWidened { .. } => "bound-widened",
            Self::BoundNarrowed { .. } => "bound-narrowed",
            Self::DefaultChanged => "default-changed",
            Self::LimitsWidened { .. } => "limits-widened",
            Self::LimitsNarrowed { .. } => "limits-narrowed",
            Self::UnitAdded => "unit-added",
            Self::UnitChanged => "unit-changed",
            Self::ConstantAdded => "constant-added",
            Self::ConstantRemoved => "constant-removed",
            Self::ConstantChanged => "constant-changed",
            Self::ExclusiveAdded => "exclusive-added",
            Self::ExclusiveRemoved => "exclusive-removed",
            Self::NestedChanged { .. } => "nested-changed",
        }
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TypeAdded => f.write_str("the type is new"),
            Self::TypeRemoved => f.write_str("the type is gone"),
            Self::FieldAddedAtEnd => f.write_str("the field is new, at the end"),
            Self::FieldAddedInTheMiddle => f.write_str("the field is new, in the middle"),
            Self::FieldRemoved => f.write_str("the field is gone"),
            Self::FieldRenamed { to } => write!(f, "the field is gone; `{to}` stands in its place, renamed perhaps"),
            Self::FieldsReordered => f.write_str("fields stand in another order"),
            Self::FieldTypeChanged { old, new } => write!(f, "the type was {old} and is {new}"),
            Self::BoundWidened { old, new } => write!(f, "the bound is wider: {old} became {new}"),
            Self::BoundNarrowed { old, new } => write!(f, "the bound is narrower: {old} became {new}"),
            Self::DefaultChanged => f.write_str("the default value is another one"),
            Self::LimitsWidened { annotation } => write!(f, "{annotation} allows more values"),
            Self::LimitsNarrowed { annotation } => write!(f, "{annotation} allows fewer values, or others"),
            Self::UnitAdded => f.write_str("the unit is given now"),
            Self::UnitChanged => f.write_str("the unit is another one"),
            Self::ConstantAdded => f.write_str("the constant is new"),
            Self::ConstantRemoved => f.write_str("the constant is gone"),
            Self::ConstantChanged => f.write_str("the constant has another value"),
            Self::ExclusiveAdded => f.write_str("a topic belongs to one key now (@exclusive)"),
            Self::ExclusiveRemoved => f.write_str("a topic may have several keys now (no @exclusive)"),
            Self::NestedChanged { type_name, grade } => write!(f, "{type_name} has changed ({grade})"),
        }
    }
}
