//! The demo: every step as its users would type it, and a cheater's steps after it.

pub mod bagged;
pub mod cheats;
