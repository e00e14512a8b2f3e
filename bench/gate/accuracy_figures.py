"""The figures of bench/gate/accuracy.py: made of what was kept, as a table, as remarks, and as Markdown."""

HONEST = {
    "honest": "tools written as an engineer would",
    "HumanEval": "HumanEval's references",
    "MBPP+": "MBPP+'s references",
}
WRONG = {
    "wrong": "tools made to fool the gate",
    "cheat": "cheats of the gate's own tests",
    "stub": "stubs of the data sets' functions",
    "table": "tables of the visible examples instead of these functions",
    "variant": "their variants with one mutation",
}
MIN_ACCEPTED, MIN_BEHAVE = 0.95, 0.99


def figures(found, missing, load=None):
    """Return all figures. `found` has what was kept of each subject, `missing` says how many were not judged yet.

    `load` is what `under_load` returned.
    """
    entries = [entry for each in found for entry in each]
    verdicts = [entry for entry in entries if entry["kind"] != "problem"]
    problems = [entry for entry in entries if entry["kind"] == "problem"]
    usable = [entry for entry in problems if entry["usable"]]
    honest = {each: [entry for entry in verdicts if _origin(entry) == each] for each in HONEST}
    wrong = {each: [entry for entry in verdicts if entry["kind"] == each] for each in WRONG}
    hidden = [entry for entry in wrong["variant"] if entry["hidden"]]
    return {
        "missing": missing,
        "honest": {each: _honest(some) for each, some in honest.items() if some},
        "honest_all": _honest([entry for some in honest.values() for entry in some]),
        "wrong": {each: _wrong(some) for each, some in wrong.items() if some},
        "wrong_all": _wrong([entry for some in wrong.values() for entry in some]),
        "problems": {
            "all": len(problems),
            "judged": len(usable),
            "mutants": sum(entry["mutants"] for entry in usable),
            "told_apart": sum(entry["wrong"] for entry in usable),
            "told_apart_by_json": sum(entry["seen"] for entry in usable),
            "hidden_only": len(hidden),
            "hidden_only_rejected_by_held_out": sum("held_out" in entry["failed"] for entry in hidden),
        },
        "load": load,
        "gate_seconds": round(sum(entry["seconds"] for entry in verdicts)),
    }


def claims(found):
    """Return each claim with whether it holds; what was not measured is no claim."""
    honest, wrong, load = found["honest_all"], found["wrong_all"], found["load"]
    made = {}
    if honest["judged"]:
        accepted, behave = (honest[each] / honest["judged"] for each in ("accepted", "behave"))
        made[f"at least {MIN_ACCEPTED:.0%} of honest tools are accepted at the first attempt"] = (
            accepted >= MIN_ACCEPTED
        )
        made[f"at least {MIN_BEHAVE:.0%} of them pass all checks on behaviour"] = behave >= MIN_BEHAVE
    if wrong["judged"]:
        made["no wrong tool is accepted"] = not wrong["accepted"]
    if load:
        made["verdicts are the same under load"] = not load["differ"]
    return made


def rows(found):
    """Return the table's rows: what, how many were judged, accepted, and pass all checks on behaviour."""
    shown = [(title, found["honest"].get(each)) for each, title in HONEST.items()]
    shown += [("honest tools together", found["honest_all"])]
    made = [
        [title, str(each["judged"]), _share(each["accepted"], each["judged"]), _share(each["behave"], each["judged"])]
        for title, each in shown
        if each and each["judged"]
    ]
    shown = [(title, found["wrong"].get(each)) for each, title in WRONG.items()]
    shown += [("wrong tools together", found["wrong_all"])]
    return made + [
        [title, str(each["judged"]), str(each["accepted"]), ""] for title, each in shown if each and each["judged"]
    ]


def notes(found):
    """Return sentences that say what the table does not."""
    problems, load = found["problems"], found["load"]
    said = []
    if problems["all"]:
        said += [
            f"Of {problems['all']} problems {problems['judged']} can be judged: the others take or give what JSON does "
            "not have, answer otherwise with another hash seed or to an equal list, or have no result to hold back.",
            f"Of {problems['mutants']:,} changes to their references the data sets' own tests tell "
            f"{problems['told_apart']:,} apart, {problems['told_apart_by_json']:,} of these by a call that JSON can "
            "say.",
            f"Of {problems['hidden_only']:,} variants judged only held-out examples can show the fault; the check "
            f"`held_out` rejected {problems['hidden_only_rejected_by_held_out']:,} of these itself.",
        ]
    if load:
        differ = len(load["differ"])
        said.append(
            f"{load['judged']} tools judged alone and again beside {load['processes']} busy processes: "
            f"{differ or 'no'} verdict{'' if differ == 1 else 's'} differ{'s' if differ == 1 else ''}."
        )
    return said


def remarks(found, load=None):
    """Return a line for each tool that was not judged as it should be, and for what was left out."""
    for entry in (entry for each in found for entry in each):
        if entry["kind"] == "problem":
            if not entry["usable"]:
                reasons = ", ".join(f"{reason} ({count})" for reason, count in entry["left_out"].items())
                yield f"left out: {entry['name']}: {reasons or 'no call was recorded'}"
        elif _origin(entry) in HONEST and not entry["accepted"]:
            failed = "; ".join(f"{check}: {line}" for check, line in entry["failed"].items())
            yield f"not accepted: {entry['name']}: {failed}"
        elif _origin(entry) in WRONG and entry["accepted"]:
            yield f"ACCEPTED although wrong: {entry['name']}: {entry.get('what', entry['kind'])}"
    for name, (alone, loaded) in (load or {}).get("differ", {}).items():
        yield f"another verdict under load: {name}: {alone} and {loaded}"


def markdown(found):
    """Return the section of docs/gate.md. `found` is the line of bench/results.json."""
    made = ["| what | judged | accepted | right in behaviour |", "|---|---|---|---|"]
    made += [f"| {' | '.join(row)} |" for row in rows(found)]
    return "\n".join([*made, "", *notes(found), "", _measured(found)])


def sentence(found):
    """Return README's sentence. `found` is the line of bench/results.json."""
    honest, wrong = found["honest_all"], found["wrong_all"]
    load = found["load"]
    said = (
        f"It accepts {_share(honest['accepted'], honest['judged'])} of {honest['judged']:,} honest tools at the first "
        f"attempt, {_share(honest['behave'], honest['judged'])} pass all checks on behaviour; of {wrong['judged']:,} "
        f"wrong ones it accepts {wrong['accepted'] or 'none'}"
    )
    if load:
        said += f"; beside {load['processes']} busy processes {len(load['differ']) or 'no'} verdicts differ"
    on = found["machine"]["at"].split()[0]
    if share := _part_of_the_problems(found):
        said += f". {share}"
    return f"{said} (`bench/gate/accuracy.py`, {on}; [what was judged](docs/gate.md#how-often-it-is-right))."


def _measured(found):
    on = found["machine"]
    share = _part_of_the_problems(found)
    return (
        f"{f'{share}, spread evenly over the data sets. ' if share else ''}"
        f"Of each problem {found['variants_of_each']} wrong variants were judged. "
        f"Measured on {on['at']} UTC with version {found['gate']} of the gate, on {on['cores']} cores "
        f"({found['hours']:g} hours; `python -m bench.gate.accuracy --help`)."
    )


def _part_of_the_problems(found):
    """Return how many of the problems were tried, where these are not all; empty where they are."""
    tried, all_of_them = found["problems_of"]
    return f"Tried were {tried} of the data sets' {all_of_them} problems" if tried < all_of_them else ""


def _origin(entry):
    """Return which row a verdict belongs to: of a reference, its data set's."""
    return entry["set"] if entry["kind"] == "reference" else entry["kind"]


def _honest(entries):
    return {**_wrong(entries), "behave": sum(entry["behaves"] for entry in entries)}


def _wrong(entries):
    checks = [check for entry in entries for check in entry["failed"]]
    return {
        "judged": len(entries),
        "accepted": sum(entry["accepted"] for entry in entries),
        "failed_checks": {check: checks.count(check) for check in dict.fromkeys(checks)},
    }


def _share(part, whole):
    """Return a share in per cent, rounded down: what was missed once is never 100 %."""
    return f"{int(1000 * part / whole) / 10:g} % ({part})"
