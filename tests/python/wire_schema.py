"""The CDDL of the wire specification, taken out of its pages, so that what is checked is what people read."""

import pathlib
import re

import cbor2
import pycddl

FENCE = re.compile(r"^```cddl\n(.*?)^```$", re.M | re.S)


class WireSchema:
    """All CDDL blocks under a folder of Markdown pages, as one schema."""

    def __init__(self, folder):
        pages = sorted(pathlib.Path(folder).glob("*.md"))
        self.rules = "\n".join(block for page in pages for block in FENCE.findall(page.read_text(encoding="utf-8")))
        self.schemas = {}

    def check(self, rule, data):
        """Raises pycddl.ValidationError when the bytes are not what the rule says."""
        if rule not in self.schemas:
            # The first rule of a schema is its root.
            self.schemas[rule] = pycddl.Schema(f"root = {rule}\n{self.rules}")
        self.schemas[rule].validate_cbor(data)

    def check_entry(self, file):
        """An entry file, and what is packed into byte strings inside it."""
        self.check("entry-file", file)
        protected, _, payload, _ = cbor2.loads(file)[0].value
        self.check("protected-header", protected)
        self.check("payload", payload)
