#!/usr/bin/env bash
# The whole chain from catalogues and seeds to the weight `audio-resnet`. It takes hours and about 12 GB.
#
#   recipes/audio-resnet.sh SHARED WORK [MIRROR]
#
# SHARED  the shared data folder: data/audio with its protocol, data/catalog/audio.csv.gz
# WORK    folder for everything that is made; run it again to go on where it was interrupted
# MIRROR  folder of bare repositories, OWNER+NAME/repo; without it they are cloned
#
# Needs `assay[train]`, the wheels and programs that docs/training.md names under "Making fakes", and apt-get for Debian's packages.
set -euo pipefail
if [ $# -lt 2 ]; then
  sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2"
shared=$(cd "$1" && pwd) work=$(cd "$2" && pwd) mirror=()
if [ $# -gt 2 ]; then mirror=(--mirror "$3"); fi
mkdir -p "$work/shared"
for part in train eval noise rir protocol.csv; do ln -sfn "$shared/data/audio/$part" "$work/shared/$part"; done

# 1. Recordings by reference. The two corpora of single spoken digits and words are not fetched.
fetch() {
  assay data fetch "$1" --partition train --max-per-source "$2" --max-seconds 8 --jobs 2 "${mirror[@]}" --to "$3"
}
zcat "$shared/data/catalog/audio.csv.gz" |
  grep -v -e '^Jakobovski/free-spoken-digit-dataset' -e '^abdulkaderghandoura/arabic-speech-commands-dataset' >"$work/catalogue.csv"
fetch "$work/catalogue.csv" 400 "$work/catalogue"
fetch "$here/audio-catalogue.csv.gz" 300 "$work/more"

# 2. What repeats a recording of the eval partition is not trained on.
assay data separate "$work/shared/protocol.csv" "$work/catalogue/protocol.csv" "$work/more/protocol.csv" --from "$work/shared/protocol.csv"

# 2b. Our own vocoders, of the bona fide clips alone, into the package of this checkout: the next step uses them. The weights that lie there
# already were made by these recipes; leave this out to use them.
for kind in istft upsample; do
  assay train vocoder --recipe "$here/vocoder-$kind.toml" --work "$work/vocoder-$kind" --out "$here/../src/assay/training/vocoders/weights" --resume \
    --data "$work/shared/separate.csv" --data "$work/catalogue/separate.csv" --data "$work/more/separate.csv"
done

# 3. Spoofs made here: of the shared corpus's clips and by speech engines, then of the other clips.
# Parents are training clips only.
held_out=$(sed -n '/^development_sources/,/^\]/p; /^left_out_sources/,/^\]/p' "$here/audio-resnet.toml" | sed -n 's/^ *"\([^"]*\)".*/\1/p')
if [ "$(wc -l <<<"$held_out")" -lt 2 ]; then
  echo "No development sources found in $here/audio-resnet.toml." >&2
  exit 1
fi
out=()
while read -r source; do out+=(--leave-out "$source"); done <<<"$held_out"
# These two were still held out when the first part of the shipped weight's fakes was made.
earlier=(--leave-out neonbjb/tortoise-tts --leave-out lifeiteng/lifeiteng.github.com)
assay data fakes "$work/shared/separate.csv" "${out[@]}" "${earlier[@]}" --seed 20261125 --jobs 2 --to "$work/fakes" --methods \
kokoro=375,hifigan-universal=400,hifigan-drawn=360,melgan=400,piper=250,world=350,hifigan-lj=220,cepstral=250,sinusoidal=250,world-vc=250,griffin-lim=300,espeak-ng=120,codec2=250,flite=100,festival=60,rhvoice=60,mbrola=60,hibari=60,open-jtalk=60,lpc=150
assay data fakes "$work/catalogue/separate.csv" "$work/more/separate.csv" "${out[@]}" --seed 20261126 --jobs 2 --to "$work/more-fakes" --methods \
hifigan-universal=300,hifigan-drawn=300,melgan=400,hifigan-lj=150,world=150,world-vc=100,sinusoidal=100,cepstral=100,griffin-lim=150
assay data fakes "$work/shared/separate.csv" "$work/catalogue/separate.csv" "$work/more/separate.csv" "${out[@]}" --seed 20261127 --jobs 2 \
  --to "$work/own-fakes" --methods own-istft=400,own-upsample=400

# 4. Training of either branch, one core each, in two runs of which the second goes on from the first; the last command calibrates and
# exports both branches.
data=()
for part in shared/separate catalogue/separate more/separate fakes/protocol more-fakes/protocol own-fakes/protocol; do
  data+=(--data "$work/$part.csv")
done
export OMP_NUM_THREADS=1
branch() {
  local first=$1 second=$2
  assay train audio --recipe "$here/$first.toml" --work "$work/run-$first" --jobs 2 --resume "${data[@]}"
  assay train audio --recipe "$here/$second.toml" --work "$work/run-$second" --jobs 2 --resume "${data[@]}" \
    --start "$work/run-$first" --out "$work/alone/$second"
}
branch audio-resnet-mels-1 audio-resnet-mels &
branch audio-resnet-1 audio-resnet
wait $!
assay train audio --recipe "$here/audio-resnet.toml" --work "$work/run-audio-resnet" --jobs 2 --resume "${data[@]}" \
  --start "$work/run-audio-resnet-1" --member "$work/run-audio-resnet-mels"
