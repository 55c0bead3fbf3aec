"""From what was heard so far to a message: the policy of recordings, asked every second.

A verdict is what a scan would say if the stream ended now, and keeps its promise for any one time. Whoever looks every
second and acts at the first flag looks many times, so there is an alarm beside it, whose promise is for all times
together. It asks the same two questions at a smaller rate, which is spent over doublings of the number n of independent
stretches: while n grows from 2^j to 2^(j+1), at the share 1 / ((j+1) (j+2)), which adds up to one over any length. That
is alpha spending (Lan & DeMets, Biometrika 70, 1983). Within a doubling

- a part that is new at stretch k is held against the Šidák threshold for k, so all of them together err at most with
  rate * sum(1 / k) = 0.69 times the rate; older parts met a lower threshold before;
- the mean over all windows moves little, and those that err once are mostly those that err again.

A test holds it against simulated bona fide streams.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from assay.audio.speech import SAMPLE_RATE_HZ
from assay.evidence import ChannelView, findings_of, posterior
from assay.live.messages import Alarm, Score, Update
from assay.policy import ChannelJudgement, Judgement, Parts, judge_channel, stretches_of, terms
from assay.result import NotAnalysed, Reason, Segment

if TYPE_CHECKING:
    from assay.audio.rolling import RollingLane
    from assay.audio.statistics import Statistics
    from assay.models.card import DetectorCard
    from assay.settings import Settings
    from assay.timeline import Span

RECENT_S = 10.0
SHOWN_S = 30.0  # of segments in an update
MOST_SPANS = 100  # remembered of the time before what is kept


class Judge:
    """What is said about one stream; keeps its alarm.

    Args:
        card: Of the detector.
        settings: Accepted false-alarm rate or cost, and prior.
    """

    def __init__(self, card: DetectorCard, settings: Settings) -> None:
        self._card, self._settings = card, settings
        self._hop_s = card.hop_samples / SAMPLE_RATE_HZ
        self._suspicious: tuple[Segment, ...] = ()  # of the last time that the stream was mixed
        self.alarm: Alarm | None = None

    def update(self, lane: RollingLane, *, time_s: float, behind_s: float) -> Update:
        """The message after a second.

        Args:
            lane: What was heard; of a stream that is resampled some milliseconds less than what came in.
            time_s: Seconds that came in.
            behind_s: Sound that waits.
        """
        heard = lane.statistics
        judged = self._judged(lane, heard)
        segments = self._segments(lane, judged.spans, shown_s=SHOWN_S)
        self._raise(lane, heard, time_s)
        waiting = judged.llr is None or heard.speech_s < self._card.min_speech_s
        return Update(
            time_s=round(time_s, 3),
            state="waiting" if waiting else "scoring",
            speech_s=round(heard.speech_s, 3),
            recent=self._recent(lane),
            overall=None if judged.llr is None else self._score(0.0, lane.duration_s, judged.llr),
            verdict=judged.verdict,
            reasons=judged.reasons if lane.windows.newest.total else (self._too_early(),),
            alarm=self.alarm,
            segments=segments,
            behind_s=round(behind_s, 3),
        )

    def conclude(self, lane: RollingLane) -> Judgement:
        """The judgement of the stream when it has ended, as `assay.policy.decide` gives it for a recording."""
        heard, settings = lane.statistics, self._settings
        judged = self._judged(lane, heard)
        self._raise(lane, heard, lane.duration_s)
        view = self._view(lane, lane.parts.newest.first)
        forgotten = lane.parts.newest.first * self._hop_s
        left_out = NotAnalysed(
            code="forgotten",
            text="segments of a stream are kept for an hour; older ones count in the score",
            start_s=0.0,
            end_s=round(forgotten, 3),
        )
        return Judgement(
            verdict=judged.verdict,
            llr=judged.llr,
            spoof_probability=None if judged.llr is None else posterior(judged.llr, settings.prior),
            interval=judged.interval(settings.prior),
            segments=self._segments(lane, judged.spans, shown_s=math.inf),
            timeline=(view.timeline(),),
            findings=findings_of(heard),
            reasons=judged.reasons,
            not_analysed=(*([left_out] if forgotten else []), *view.gaps()),
            operating_point=terms(self._card, settings, lane.duration_s)[0],
        )

    @property
    def _window_s(self) -> float:
        return self._card.window_samples / SAMPLE_RATE_HZ

    def _too_early(self) -> Reason:
        return Reason(code="too_early", text=f"The first score comes after {self._window_s:.1f} s of sound.")

    def _judged(self, lane: RollingLane, heard: Statistics) -> ChannelJudgement:
        point, accepted_part = terms(self._card, self._settings, lane.duration_s)
        return judge_channel(heard, self._parts(lane), lane.duration_s, self._card, point, accepted_part)

    def _parts(self, lane: RollingLane) -> Parts:
        """What is kept, and what stood out before."""
        newest = lane.parts.newest
        earlier = tuple((one.start_s, one.end_s) for one in self._forgotten(lane))
        return Parts(newest.values, newest.first * self._hop_s, earlier)

    def _forgotten(self, lane: RollingLane) -> tuple[Segment, ...]:
        """Segments that stood out and begin before what is kept."""
        kept_s = lane.parts.newest.first * self._hop_s
        return tuple(one for one in self._suspicious if one.start_s < kept_s)[-MOST_SPANS:]

    def _raise(self, lane: RollingLane, heard: Statistics, time_s: float) -> None:
        if self.alarm is not None or not heard.windows:
            return
        doublings = math.floor(math.log2(stretches_of(heard, self._card)))
        spend = 1 / ((doublings + 1) * (doublings + 2))
        point, accepted_part = terms(self._card, self._settings, lane.duration_s, spend=spend)
        judged = judge_channel(heard, self._parts(lane), lane.duration_s, self._card, point, accepted_part)
        if judged.llr is not None and (judged.verdict == "spoof" or judged.verdict == "mixed"):
            text = judged.reasons[0].text
            self.alarm = Alarm(since_s=round(time_s, 3), verdict=judged.verdict, llr=judged.llr, text=text)

    def _recent(self, lane: RollingLane) -> Score | None:
        newest = lane.windows.newest
        first = max(newest.first, math.ceil((lane.duration_s - RECENT_S) / self._hop_s))
        llrs = newest.values[first - newest.first :]
        scored = np.flatnonzero(~np.isnan(llrs))
        if not scored.size:
            return None
        start_s = (first + int(scored[0])) * self._hop_s
        end_s = min((first + int(scored[-1])) * self._hop_s + self._window_s, lane.duration_s)
        return self._score(start_s, end_s, float(llrs[scored].mean()))

    def _score(self, start_s: float, end_s: float, llr: float) -> Score:
        probability = posterior(llr, self._settings.prior)
        return Score(start_s=round(start_s, 3), end_s=round(end_s, 3), llr=llr, spoof_probability=probability)

    def _segments(self, lane: RollingLane, spans: tuple[Span, ...], *, shown_s: float) -> tuple[Segment, ...]:
        """Those of so many last seconds, and before that those that stand out."""
        newest, since_s = lane.parts.newest, lane.duration_s - shown_s
        if not spans:
            first = max(newest.first, math.floor(max(0.0, since_s) / self._hop_s))
            return tuple(self._view(lane, first).segments(())) if newest.total else ()
        earlier = self._forgotten(lane)
        behind_s = max([newest.first * self._hop_s, *(one.end_s for one in earlier)])
        found = self._view(lane, newest.first).segments([span for span in spans if span[0] >= behind_s])
        self._suspicious = (*earlier, *(one for one in found if one.suspicious))
        return (*earlier, *(one for one in found if one.suspicious or one.end_s > since_s))

    def _view(self, lane: RollingLane, first: int) -> ChannelView:
        newest = lane.parts.newest
        llrs = newest.values[first - newest.first :]
        return ChannelView(llrs, lane.duration_s, self._card, self._settings.prior, first_part=first)
