"""The network as a picture: workloads by security group on the left, what they reach on the right.

Everything stands inside the VPC but the gateway endpoints' services and the internet, so a line
that crosses the frame is traffic that leaves it.
"""

from __future__ import annotations

from dataclasses import dataclass

from pages.svg import Drawing
from review.reachability import INTERNET, Reachability, Target

WIDTH = 1040
LEFT, LEFT_WIDTH = 36, 400
RIGHT, RIGHT_WIDTH = 680, 210
ROW, HEAD, GAP, TOP = 21, 32, 22, 88
TARGET, TARGET_GAP = 26, 9
FRAME_RIGHT = RIGHT + RIGHT_WIDTH + 26
COLOURS = 6


@dataclass(frozen=True, slots=True)
class _Box:
    """A drawn box: its vertical extent."""

    top: float
    height: float

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


def picture(network: Reachability) -> str:
    """SVG text; colours and fonts come from the page's stylesheet."""
    left, left_end = _left(network)
    inside = _beside_users(network, left, "interface")
    gateways = _beside_users(network, left, "gateway")
    gap = _gap(len(inside) + len(gateways), left_end - TOP)
    right, right_end = _column(inside, TOP, gap)
    outside, outside_end = _column(gateways, right_end + max(gap, 34), gap)
    frame_end = max(left_end, right_end, outside_end) + 8
    drawing = Drawing(WIDTH, frame_end + 92, "What may open a connection to what")
    _frame(drawing, network, frame_end)
    _lines(drawing, network, left, right | outside)
    _groups(drawing, network, left)
    _targets(drawing, network, inside, right, "node")
    _targets(drawing, network, gateways, outside, "node edge-of-vpc")
    _internet(drawing, network, frame_end)
    return drawing.render()


def _left(network: Reachability) -> tuple[dict[str, _Box], float]:
    top: float = TOP
    boxes = {}
    for group, held in network.groups.items():
        boxes[group] = _Box(top, HEAD + ROW * len(held) + 8)
        top += boxes[group].height + GAP
    return boxes, top - GAP


def _beside_users(network: Reachability, left: dict[str, _Box], kind: str) -> list[Target]:
    """Targets of a kind in the order of their users' middle, so that fewer lines cross."""

    def middle(target: Target) -> float:
        users = [box.middle for group, box in left.items() if (group, target.name) in network.ports]
        return sum(users) / len(users) if users else 0

    return sorted((t for t in network.targets if t.kind == kind), key=middle)


def _gap(targets: int, height: float) -> float:
    """Room between targets that stand along the workloads' whole height."""
    return max(TARGET_GAP, (height - targets * TARGET) / max(targets - 1, 1))


def _column(targets: list[Target], top: float, gap: float) -> tuple[dict[str, _Box], float]:
    boxes = {}
    for target in targets:
        boxes[target.name] = _Box(top, TARGET)
        top += TARGET + gap
    return boxes, top - gap if targets else top


def _frame(drawing: Drawing, network: Reachability, end: float) -> None:
    drawing.rect((12, 26), (FRAME_RIGHT - 12, end - 20), "vpc")
    drawing.text((26, 48), f"VPC {network.address_range}: isolated subnets", "key")
    drawing.text((RIGHT, 76), "AWS services through endpoints", "tick")
    drawing.text((LEFT, 76), "workloads by security group", "tick")


def _groups(drawing: Drawing, network: Reachability, boxes: dict[str, _Box]) -> None:
    for number, (group, box) in enumerate(boxes.items()):
        held = network.groups[group]
        drawing.rect((LEFT, box.top), (LEFT_WIDTH, box.height), "node", rx=6.0)
        drawing.rect((LEFT, box.top), (5, box.height), f"flow-{number % COLOURS}-fill", rx=2.0)
        drawing.text((LEFT + 18, box.top + 21), group, "node-name")
        inner = network.ports.get((group, group))
        if inner:
            drawing.text((LEFT + LEFT_WIDTH - 12, box.top + 21), f"↻ {inner}", "tick", anchor="end")
        for row, workload in enumerate(held):
            y = box.top + HEAD + ROW * row + 12
            drawing.text((LEFT + 18, y), workload.name, "label")
            drawing.text((LEFT + LEFT_WIDTH - 12, y), workload.kind, "faint", anchor="end")


def _lines(
    drawing: Drawing, network: Reachability, left: dict[str, _Box], right: dict[str, _Box]
) -> None:
    start, end = LEFT + LEFT_WIDTH, RIGHT
    for number, (group, box) in enumerate(left.items()):
        reached = [name for name in right if (group, name) in network.ports]
        for place, name in enumerate(reached, 1):
            y = box.top + box.height * place / (len(reached) + 1)
            target = right[name]
            shift = TARGET * (number + 1) / (len(left) + 1)
            path = (
                f"M{start},{y:.1f} C{start + 130},{y:.1f} {end - 130},{target.top + shift:.1f} "
                f"{end},{target.top + shift:.1f}"
            )
            tip = f"{group} → {name}: {network.ports[group, name]}"
            drawing.path(path, f"flow flow-{number % COLOURS}", tip=tip)
        for other, other_box in left.items():
            if other != group and (group, other) in network.ports:
                _between(drawing, box, other_box, number, network.ports[group, other])


def _between(drawing: Drawing, box: _Box, other: _Box, number: int, ports: str) -> None:
    """A connection from one group to another, in the margin left of the boxes."""
    path = (
        f"M{LEFT},{box.middle:.1f} C{LEFT - 22},{box.middle:.1f} {LEFT - 22},{other.middle:.1f} "
        f"{LEFT},{other.middle:.1f}"
    )
    drawing.path(path, f"flow flow-{number % COLOURS}", tip=ports)


def _targets(
    drawing: Drawing,
    network: Reachability,
    targets: list[Target],
    boxes: dict[str, _Box],
    css: str,
) -> None:
    for target in targets:
        box = boxes[target.name]
        users = [group for group in network.groups if (group, target.name) in network.ports]
        # A gateway endpoint is a route: its service stands outside the frame's right edge.
        width = RIGHT_WIDTH if target.kind == "interface" else RIGHT_WIDTH + 70
        tip = f"reached by {', '.join(users) or 'nobody'}"
        drawing.rect((RIGHT, box.top), (width, TARGET), css, tip=tip, rx=5.0)
        drawing.text((RIGHT + 12, box.top + 17.5), target.name, "label")
        drawing.text((RIGHT + width - 10, box.top + 17.5), target.kind, "faint", anchor="end")


def _internet(drawing: Drawing, network: Reachability, frame_end: float) -> None:
    reaching = [group for group in network.groups if (group, INTERNET) in network.ports]
    top = frame_end + 34
    css = "node alert" if reaching else "node none"
    drawing.rect((LEFT, top), (RIGHT + RIGHT_WIDTH - LEFT, 34), css, rx=6.0)
    words = (
        f"the internet: reached by {', '.join(reaching)}"
        if reaching
        else "the internet: no gateway, no route, no public address"
    )
    drawing.text((LEFT + 18, top + 22), words, "limit-ink" if reaching else "tick")
