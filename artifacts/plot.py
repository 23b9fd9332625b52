"""Charts of a run: each function returns one, to be logged as ``run.log({"name": chart})``.

>>> table = artifacts.Table(columns=["step", "height"], data=[[0, 1.0], [1, 0.5]])
>>> run.log({"heights": artifacts.plot.line(table, x="step", y="height", title="Bouncing")})
"""

from artifacts.charts.classifiers import confusion_matrix, pr_curve, roc_curve
from artifacts.charts.columns import (
    bar,
    heatmap,
    histogram,
    line,
    line_series,
    scatter,
    visualize,
)
from artifacts.charts.custom import CustomChart, plot_table
from artifacts.charts.named import register

__all__ = [
    "CustomChart",
    "bar",
    "confusion_matrix",
    "heatmap",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "register",
    "roc_curve",
    "scatter",
    "visualize",
]
