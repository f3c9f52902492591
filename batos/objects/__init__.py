"""What exists: prototype objects, their methods, mirrors and messages. Knows persistence, not the database."""
