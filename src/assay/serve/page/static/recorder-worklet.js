// Runs beside the page in the thread of sound: hands on what the microphone gives, unchanged.
class Recorder extends AudioWorkletProcessor {
  process([input]) {
    if (input?.[0]?.length) this.port.postMessage(input[0].slice());
    return true;
  }
}
registerProcessor("assay-recorder", Recorder);
