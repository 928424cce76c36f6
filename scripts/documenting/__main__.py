"""`scripts/document`: write docs/man/nightjar.1 and docs/completions/."""

import sys

from scripts.documenting.files import DOCS, written


def main() -> int:
    """Write the files; 0 done."""
    for name, content in written().items():
        file = DOCS / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        print(f"wrote docs/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
