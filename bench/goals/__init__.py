"""Goals with numbers: each module measures one and says whether it was reached. docs/reliability.md has results."""
