"""Turns the tables of docs/protocol into the XML from which nasdaq-protocols generates its message classes.

So the strangers read the exchange with nothing but what our documents say, and their own code.
"""

import re
import xml.etree.ElementTree as xml

from processes import Failed

_INTEGERS = {"u16be": ["uint_2_be"], "u32be": ["uint_4_be"], "u64be": ["uint_8_be"], "u48be": ["uint_2_be", "uint_4_be"]}
_HEADING = re.compile(r"^### (?P<name>.+) `(?P<type>.)`$", re.M)
_FORM = re.compile(r"^(?P<from>client|exchange) to (client|exchange); (?P<bytes>\d+) bytes?(?P<more>.*)\.$", re.M)
_ROW = re.compile(r"^\| (?P<offset>\d+) \| (?P<length>\d+) \| (?P<field>[^|]+) \| (?P<type>[^|]+) \|", re.M)


def identifier(text):
    """`Buy/Sell Indicator` as `buy_sell_indicator`."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def class_name(text):
    """`Trade (Non-Cross)` as `TradeNonCross`."""
    return "".join(part[0].upper() + part[1:] for part in re.findall(r"[A-Za-z0-9]+", text))


def _field(fields, name, kind, **more):
    xml.SubElement(fields, "field", {"name": name, "type": kind, **more})


def _row(fields, row):
    name, kind, length = identifier(row["field"]), row["type"].split()[-1], row["length"]
    if kind == "char":
        _field(fields, name, "char_ascii")
    elif kind == "ascii":
        _field(fields, name, "str_ascii_n", length=length)
    elif kind == "decimal":
        # The library would move the padding to the other side.
        for index in range(int(length)):
            _field(fields, f"{name}_{index}", "char_ascii")
    elif name == "appendage_length":
        # The library's array brings its own length: bytes, behind a u16.
        _field(fields, "appendage", "byte", array="true", length_type="uint_2_be")
    elif kind in _INTEGERS:
        for index, part in enumerate(_INTEGERS[kind]):
            _field(fields, name if index == 0 else f"{name}_low", part)
    else:
        raise Failed(f"a table has a type without a counterpart in XML: {row[0]}")


def write(document, sections, path):
    """Writes the specification of all messages under the level-2 headings `sections` of a document."""
    root = xml.Element("root")
    for empty in ("enums-root", "records-root"):
        xml.SubElement(root, empty)
    messages = xml.SubElement(root, "messages-root")
    for section in re.split(r"(?m)^## ", document.read_text())[1:]:
        if section.splitlines()[0] not in sections:
            continue
        for part in re.split(r"(?m)^(?=### )", section)[1:]:
            heading, form = _HEADING.search(part), _FORM.search(part)
            if heading is None or form is None:
                raise Failed(f"{document}: a message without type or form: {part:.60}")
            direction = "incoming" if form["from"] == "client" else "outgoing"
            message = xml.SubElement(messages, "message", {
                "id": class_name(heading["name"]),
                "message-id": str(ord(heading["type"])),
                "direction": direction,
            })
            fields = xml.SubElement(message, "fields")
            rows = list(_ROW.finditer(part))
            end = 0
            for row in rows:
                if int(row["offset"]) != end:
                    raise Failed(f"{document}: {heading['name']} has a hole at {end}")
                end += int(row["length"])
                if row["offset"] != "0":
                    _row(fields, row)
            if len(fields) == 0:
                # The library cannot encode a message without fields: the long form, which may follow any short one.
                _field(fields, "appendage", "byte", array="true", length_type="uint_2_be")
            if end != int(form["bytes"]):
                raise Failed(f"{document}: {heading['name']} is {end} bytes by its table, {form['bytes']} by its text")
    if len(messages) == 0:
        raise Failed(f"{document}: no messages under {sections}")
    xml.ElementTree(root).write(path, encoding="UTF-8", xml_declaration=True)
    return len(messages)
