"""What every page must be."""

import re
from html.parser import HTMLParser


class Links(HTMLParser):
    """Collects what a page asks a browser to fetch."""

    def __init__(self):
        super().__init__()
        self.fetched, self.links, self.scripts = [], [], 0

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.scripts += tag == "script"
        if tag == "a":
            self.links.append(values.get("href"))
        elif tag in ("img", "link", "script", "iframe", "use", "image"):
            self.fetched.append(values.get("src") or values.get("href") or values.get("xlink:href"))


def check_self_contained(page):
    text = page.read_text(encoding="utf-8")
    parser = Links()
    parser.feed(text)
    assert parser.scripts == 0
    assert all(target.startswith(("data:", "#")) for target in parser.fetched), parser.fetched
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    for link in parser.links:
        assert link.startswith("#") or (page.parent / link).exists(), link
    return text
