//! What schemas mean, once every name is resolved: the model that hashing, emission and the run-time codec share.
//!
//! The enums are closed on purpose: a new kind of type is a compile error in every stage that must know it,
//! instead of a `_ =>` arm or a second list of primitive names.
//!
//! This module knows no text format: it is neither parsed from here nor printed to Rust from here.

use std::fmt;
use std::time::Duration;

pub use self::type_name::TypeNameError;
pub(crate) use self::type_name::{MAX_NAME_LEN, is_constant_name, is_lower_name, is_type_name};

pub(crate) mod derived;
mod type_name;

/// The folder of a package that an interface lives in, which is also the middle part of its type name.
///
/// In alphabetical order, so that type names sort as their texts do: type hashes depend on that order.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum InterfaceKind {
    /// `action`: an action, or one of the messages and services derived from it.
    Action,
    /// `msg`: a message.
    Msg,
    /// `srv`: a service, or one of the messages derived from it.
    Srv,
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
    /// `char` of an `.idl` file: an octet whose type hash is not that of `uint8`. The `char` of a `.msg` file is another
    /// word for `uint8`, and the model has it as [`Self::Uint8`].
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

/// A service: what is asked, what is answered, and the event that ROS 2 derives for introspection.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its fully qualified name, such as `std_srvs/srv/SetBool`.
    pub type_name: TypeName,
    /// The comment at the top of the file, or what the service is for when it is derived from an action.
    pub comment: String,
    /// `S_Request`
    pub request: Message,
    /// `S_Response`
    pub response: Message,
    /// `S_Event`
    pub event: Message,
}

/// An action: three parts from the file, and the services and the message that carry them.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Its fully qualified name, such as `example_interfaces/action/Fibonacci`.
    pub type_name: TypeName,
    /// The comment at the top of the file.
    pub comment: String,
    /// `A_Goal`
    pub goal: Message,
    /// `A_Result`
    pub result: Message,
    /// `A_Feedback`
    pub feedback: Message,
    /// `A_SendGoal`
    pub send_goal: Service,
    /// `A_GetResult`
    pub get_result: Service,
    /// `A_FeedbackMessage`
    pub feedback_message: Message,
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

impl Primitive {
    /// The word in the interface language, such as `float64`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Byte => "byte",
            Self::Char => "char",
            Self::Int8 => "int8",
            Self::Uint8 => "uint8",
            Self::Int16 => "int16",
            Self::Uint16 => "uint16",
            Self::Int32 => "int32",
            Self::Uint32 => "uint32",
            Self::Int64 => "int64",
            Self::Uint64 => "uint64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
        }
    }

    /// The primitive that this word of the interface language names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|primitive| primitive.as_str() == word)
    }

    /// The least and the greatest value of an integer type; `None` for truth values and floats.
    pub const fn integer_range(self) -> Option<(i128, i128)> {
        match self {
            Self::Byte | Self::Char | Self::Uint8 => Some((0, u8::MAX as i128)),
            Self::Int8 => Some((i8::MIN as i128, i8::MAX as i128)),
            Self::Int16 => Some((i16::MIN as i128, i16::MAX as i128)),
            Self::Uint16 => Some((0, u16::MAX as i128)),
            Self::Int32 => Some((i32::MIN as i128, i32::MAX as i128)),
            Self::Uint32 => Some((0, u32::MAX as i128)),
            Self::Int64 => Some((i64::MIN as i128, i64::MAX as i128)),
            Self::Uint64 => Some((0, u64::MAX as i128)),
            Self::Bool | Self::Float32 | Self::Float64 => None,
        }
    }

    /// Whether this is `float32` or `float64`.
    pub const fn is_float(self) -> bool {
        matches!(self, Self::Float32 | Self::Float64)
    }

    /// Whether this is one of the three names for an unsigned octet.
    pub const fn is_octet(self) -> bool {
        matches!(self, Self::Byte | Self::Char | Self::Uint8)
    }

    /// Every primitive, in the order of the enum.
    pub const ALL: [Self; 13] = [
        Self::Bool,
        Self::Byte,
        Self::Char,
        Self::Int8,
        Self::Uint8,
        Self::Int16,
        Self::Uint16,
        Self::Int32,
        Self::Uint32,
        Self::Int64,
        Self::Uint64,
        Self::Float32,
        Self::Float64,
    ];
}

impl TextKind {
    /// The word in the interface language.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Wstring => "wstring",
        }
    }

    /// How long `text` is in the unit that bounds are given in: bytes of UTF-8, or UTF-16 code units.
    pub fn length(self, text: &str) -> usize {
        match self {
            Self::String => text.len(),
            Self::Wstring => text.encode_utf16().count(),
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Primitive(primitive) => f.write_str(primitive.as_str()),
            Self::Text { kind, bound: None } => f.write_str(kind.as_str()),
            Self::Text {
                kind,
                bound: Some(bound),
            } => write!(f, "{}<={bound}", kind.as_str()),
            Self::Message(name) => write!(f, "{}/{}", name.package, name.name),
        }
    }
}

/// As the interface language writes it, such as `geometry_msgs/Point[<=4]`.
impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.element.fmt(f)?;
        match self.count {
            Count::One => Ok(()),
            Count::Array(count) => write!(f, "[{count}]"),
            Count::Sequence { bound: None } => f.write_str("[]"),
            Count::Sequence { bound: Some(bound) } => write!(f, "[<={bound}]"),
        }
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
