"""The independent maker of the vectors: shares no code with the Rust. Start it with ../make.py."""
