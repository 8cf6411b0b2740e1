//! The wire is pinned, damage is tested exhaustively, and every check of the verifier is provoked.

mod damage;
mod order_of_checks;
mod stage;
mod wire;
