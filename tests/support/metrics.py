"""What a server says at /metrics, read by Prometheus' own parser for Python."""

from prometheus_client.parser import text_string_to_metric_families

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    def __init__(self, text):
        self.text = text
        self.families = {}
        for family in text_string_to_metric_families(text):
            # The parser takes _total off the names of counters.
            name = family.name + ("_total" if family.type == "counter" else "")
            assert name not in self.families, f"{name} is there twice"
            self.families[name] = family
        self._check()

    def _check(self):
        for name, family in self.families.items():
            assert family.documentation and family.type in ("counter", "gauge", "histogram"), name
            seen = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples]
            assert len(seen) == len(set(seen)), f"{name} has a series twice"
            if family.type == "histogram":
                self._check_histogram(family)

    @staticmethod
    def _check_histogram(family):
        buckets = {}
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                rest = tuple(sorted((key, value) for key, value in sample.labels.items() if key != "le"))
                buckets.setdefault(rest, []).append((float(sample.labels["le"]), sample.value))
        counts = {tuple(sorted(sample.labels.items())): sample.value for sample in family.samples if sample.name.endswith("_count")}
        assert counts.keys() == buckets.keys(), family.name
        for rest, found in buckets.items():
            assert found == sorted(found) and found[-1] == (float("inf"), counts[rest]), (family.name, found)
            assert [value for _, value in found] == sorted(value for _, value in found), (family.name, found)

    def value(self, name, **labels):
        """Of the one sample with these labels; None: there is none."""
        family = name
        for suffix in ("_bucket", "_count", "_sum"):
            if name not in self.families and name.endswith(suffix):
                family = name.removesuffix(suffix)
        found = [sample.value for sample in self.families[family].samples if sample.name == name and sample.labels == labels]
        assert len(found) <= 1
        return found[0] if found else None

    def total(self, name, **labels):
        """The sum over all samples that have these labels and perhaps others."""
        return sum(sample.value for sample in self.families[name].samples
                   if all(sample.labels.get(key) == value for key, value in labels.items()))

    def labels(self, name, label):
        return {sample.labels[label] for sample in self.families[name].samples}


def scrape(client):
    answer = client.get("/metrics").expect(200)
    assert answer.header("Content-Type") == CONTENT_TYPE
    return Metrics(answer.text)
