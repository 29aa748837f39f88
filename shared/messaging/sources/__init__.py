"""The adapters of EventSource: Faust (default), plain aiokafka (fall-back), a simulation."""
