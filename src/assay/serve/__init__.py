"""The service: REST, jobs and live sound around the same line that library and command walk.

    api ────> scoring (bounded, batched) ────> assay.line.Detector
    jobs ───> queue ───> worker ───> assay.line.Detector
    live ───> rolling windows ───> assay.audio.detector
    access: who may ask; operation: what is counted, kept and told

Each room declares its own tables on `assay.serve.database.Base` and gives a router; `assay.serve.app` puts them
together around one `Context`.
"""
