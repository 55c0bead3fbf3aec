"""The cheapest way to pair two small groups, exactly.

Kuhn's Hungarian method with potentials and shortest augmenting paths (Jonker and Volgenant, "A shortest augmenting
path algorithm for dense and sparse linear assignment problems", Computing 38, 1987). A video shows a handful of
faces at a time; SciPy, which has the same, is not needed for scanning.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


def assign(costs: Float64, limit: float) -> list[tuple[int, int]]:
    """Pairs of a row and a column with the least total cost, where leaving a row alone costs `limit`.

    Args:
        costs: Shape (rows, columns), finite or inf, >= 0; either side may be empty.
        limit: What staying alone costs a row, > 0; no pair costs more than this.

    Returns:
        Pairs (row, column), sorted by row. Every row and column is in at most one.
    """
    rows, columns = costs.shape
    # One spare column a row: taking it means to stay alone.
    table = np.full((rows, columns + rows), 2 * limit)
    table[:, :columns] = np.where(costs <= limit, costs, 2 * limit)
    table[np.arange(rows), columns + np.arange(rows)] = limit
    owner = _owners(table)
    pairs = [(int(row), column) for column, row in enumerate(owner[:columns]) if row >= 0]
    return sorted((row, column) for row, column in pairs if costs[row, column] <= limit)


def _owners(table: Float64) -> NDArray[np.intp]:
    """The row that owns each column in the cheapest full assignment of rows, -1 where none; rows <= columns."""
    rows, columns = table.shape
    owner = np.full(columns + 1, -1)  # the last, unreal column holds the row that is being placed
    row_price, column_price = np.zeros(rows), np.zeros(columns + 1)
    for row in range(rows):
        owner[columns] = row
        _place(table, owner, row_price, column_price)
    return owner[:columns]


def _place(table: Float64, owner: NDArray[np.intp], row_price: Float64, column_price: Float64) -> None:
    """Place the row that waits in the last column of `owner` along the shortest path to a free column."""
    columns = table.shape[1]
    least = np.full(columns, np.inf)  # reduced length of the shortest path to each column so far
    before = np.full(columns, columns)  # the column that comes before it on that path
    done = np.zeros(columns + 1, bool)
    column = columns
    while owner[column] >= 0:
        done[column] = True
        row = owner[column]
        length = table[row] - row_price[row] - column_price[:columns]
        shorter = ~done[:columns] & (length < least)
        least[shorter], before[shorter] = length[shorter], column
        following = int(np.argmin(np.where(done[:columns], np.inf, least)))
        step = least[following]
        row_price[owner[done]] += step
        column_price[done] -= step
        least[~done[:columns]] -= step
        column = following
    while column != columns:
        owner[column] = owner[before[column]]
        column = before[column]
