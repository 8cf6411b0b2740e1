//! What schemas mean, once every name is resolved: the model that hashing, emission and the run-time codec share.
//!
//! The enums are closed on purpose: a new kind of type is a compile error in every stage that must know it,
//! instead of a `_ =>` arm or a second list of primitive names.
//!
//! This module knows no text format: it is neither parsed from here nor printed to Rust from here.

use std::fmt;
use std::time::Duration;

/// The folder of a package that an interface lives in, which is also the middle part of its type name.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum InterfaceKind {
    /// `msg`: a message.
    Msg,
    /// `srv`: a service, or one of the messages derived from it.
    Srv,
    /// `action`: an action, or one of the messages and services derived from it.
    Action,
}

/// A fully qualified type name such as `geometry_msgs/msg/Twist`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TypeName {
    /// The package, such as `geometry_msgs`.
    pub package: String,
    /// The kind, such as `msg`.
    pub kind: InterfaceKind,
    /// The name inside the package, such as `Twist` or `SetBool_Request`.
    pub name: String,
}

/// A type that has no parts.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Primitive {
    /// `bool`
    Bool,
    /// `byte`: one octet, 0 to 255.
    Byte,
    /// `char`: in ROS 2 an unsigned 8-bit number.
    Char,
    /// `int8`
    Int8,
    /// `uint8`
    Uint8,
    /// `int16`
    Int16,
    /// `uint16`
    Uint16,
    /// `int32`
    Int32,
    /// `uint32`
    Uint32,
    /// `int64`
    Int64,
    /// `uint64`
    Uint64,
    /// `float32`
    Float32,
    /// `float64`
    Float64,
}

/// The width of a text's characters on a ROS 2 wire; in Rust both are `String`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TextKind {
    /// `string`: UTF-8.
    String,
    /// `wstring`: UTF-16.
    Wstring,
}

/// What one element of a field is.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Element {
    /// A number, a truth value or an octet.
    Primitive(Primitive),
    /// A text, with its greatest length where it has one: bytes of UTF-8 for `string`, code units for `wstring`.
    Text {
        /// Which of the two text types.
        kind: TextKind,
        /// The bound `N` of `string<=N`.
        bound: Option<u32>,
    },
    /// Another message.
    Message(TypeName),
}

/// How many elements a field has. The language has no nested arrays, so a field is an element and a count.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Count {
    /// `T`: exactly one, not a list.
    One,
    /// `T[N]`: exactly `N`.
    Array(u32),
    /// `T[]` or `T[<=N]`.
    Sequence {
        /// The bound `N` of `T[<=N]`.
        bound: Option<u32>,
    },
}

/// A field's type, with every name resolved.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct FieldType {
    /// What one element is.
    pub element: Element,
    /// How many there are.
    pub count: Count,
}

/// A constant's value or one element of a default, already checked against its type.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Of a `bool`.
    Bool(bool),
    /// Of any integer type; every one of them fits.
    Integer(i128),
    /// Of `float32` or `float64`.
    Float(f64),
    /// Of `string` or `wstring`.
    Text(String),
}

/// A default value, already checked against its field's type.
#[derive(Clone, Debug, PartialEq)]
pub enum DefaultValue {
    /// Of a field that is one element.
    One(Scalar),
    /// Of an array or a sequence.
    List(Vec<Scalar>),
}

/// What a value must satisfy beyond its type, from the annotations in a field's comment.
///
/// ROS 2 sees a plain field: limits are not part of the type hash.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// `@range [low, high]`: both ends belong to it. For an array or sequence, every element is meant.
    pub range: Option<(f64, f64)>,
    /// `@finite`: neither NaN nor an infinity.
    pub finite: bool,
    /// `@enum PREFIX`: the value is that of one of the message's constants whose names begin with this prefix.
    pub enumeration: Option<String>,
    /// `@max_age 200ms`: on a `builtin_interfaces/Time` field, how old the stamp may be.
    pub max_age: Option<Duration>,
}

/// One field of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name as the schema has it.
    pub name: String,
    /// Its type.
    pub field_type: FieldType,
    /// The default that the schema gives.
    pub default: Option<DefaultValue>,
    /// The comment without `#` and without annotations; empty when there is none.
    pub comment: String,
    /// `@unit m/s` or, as ROS 2 has it, the one `[m/s]` in the comment.
    pub unit: Option<String>,
    /// What the value must satisfy.
    pub limits: Limits,
}

/// One constant of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// The name as the schema has it.
    pub name: String,
    /// Its type: a primitive or an unbounded text.
    pub element: Element,
    /// Its value.
    pub value: Scalar,
    /// The comment without `#`; empty when there is none.
    pub comment: String,
}

/// A message, or one of the messages that a service or an action is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its fully qualified name.
    pub type_name: TypeName,
    /// The comment at the top of the file, without `#` and without annotations.
    pub comment: String,
    /// `@exclusive`: one key per topic unless a role says otherwise.
    pub exclusive: bool,
    /// In the order of the file. Empty stays empty here; hashing and CDR add ROS 2's placeholder member.
    pub fields: Vec<Field>,
    /// In the order of the file.
    pub constants: Vec<Constant>,
}

/// A message with all messages that it refers to, directly or not: enough to hash, encode and show it.
///
/// Invariant: `referenced` is sorted by type name, has each type once, does not have `root`, and holds every
/// name that occurs in a field of `root` or of another of its members.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeDescription {
    /// The type described.
    pub root: Message,
    /// Everything that it refers to.
    pub referenced: Vec<Message>,
}

impl TypeDescription {
    /// The message with this name, which may be the root itself.
    pub fn find(&self, name: &TypeName) -> Option<&Message> {
        if self.root.type_name == *name {
            return Some(&self.root);
        }
        let index = self
            .referenced
            .binary_search_by(|message| message.type_name.cmp(name))
            .ok()?;
        self.referenced.get(index)
    }
}

impl InterfaceKind {
    /// The folder name: `msg`, `srv` or `action`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Msg => "msg",
            Self::Srv => "srv",
            Self::Action => "action",
        }
    }
}

impl fmt::Display for InterfaceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.package, self.kind, self.name)
    }
}
