"""Makes the table of SDKs and calls in the simulator's README; fails if a call came back empty, broke, or a wrong input was taken."""

import json
import sys

BEGIN, END = "<!-- made by tests/sdks/run -->\n", "<!-- end -->\n"


def words(cell):
    wrong = f", {cell['wrong']}" if cell["wrong"] else ""
    return cell["right"] + wrong


def main(cells, readme, check):
    found = [json.loads(line) for line in open(cells, encoding="utf-8")]
    bad = [cell for cell in found if not good(cell)]
    for cell in bad:
        print(cell, file=sys.stderr)
    sdks = list(dict.fromkeys(cell["sdk"] for cell in found))
    rows = ["| call | " + " | ".join(sdks) + " |", "| --- " * (len(sdks) + 1) + "|"]
    for call in dict.fromkeys(cell["call"] for cell in found):
        of = {cell["sdk"]: words(cell) for cell in found if cell["call"] == call}
        rows.append("| " + " | ".join([call, *(of.get(sdk, "") for sdk in sdks)]) + " |")
    text = open(readme, encoding="utf-8").read()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    table = before + BEGIN + "\n".join(rows) + "\n" + END + after
    if check and table != text:
        bad.append("the README has another table")
        print(bad[-1], file=sys.stderr)
    if not check:
        open(readme, "w", encoding="utf-8").write(table)
    print(f"{len(found) - len(bad)} passed, {len(bad)} failed")
    return 1 if bad else 0


def good(cell):
    # What is not simulated is refused as unknown.
    right = cell["right"] in ("ok", "refused InvalidAction.NotFound")
    return right and (cell["wrong"] is None or cell["wrong"].startswith("refused "))


sys.exit(main(sys.argv[1], sys.argv[2], "--check" in sys.argv))
