// Pictures made small enough for a weak line. Drawing them anew leaves behind whatever the camera
// wrote into the file: place, device, time.

const LONGEST = 1600; // pixels of the longer side
const LARGEST = 300_000; // bytes
const QUALITIES = [0.82, 0.72, 0.6, 0.5];

/** A JPEG of at most 300 kB made of a picture file. Rejects what is no picture. */
export async function shrink(file) {
  const picture = await read(file);
  for (let longest = LONGEST; ; longest = Math.round(longest * 0.7)) {
    const canvas = drawn(picture, longest);
    for (const quality of QUALITIES) {
      const blob = await made(canvas, "image/jpeg", quality);
      if (blob.size <= LARGEST) return blob;
    }
  }
}

/** The signature on a canvas as a PNG of at most 600 pixels, black on white. */
export const signatureBlob = (canvas) => made(drawn(canvas, 600), "image/png");

async function read(file) {
  const address = URL.createObjectURL(file);
  const picture = new Image();
  picture.src = address;
  try {
    await picture.decode();
  } finally {
    URL.revokeObjectURL(address);
  }
  return picture;
}

function drawn(picture, longest) {
  const wide = picture.naturalWidth ?? picture.width;
  const high = picture.naturalHeight ?? picture.height;
  const scale = Math.min(1, longest / Math.max(wide, high));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(wide * scale));
  canvas.height = Math.max(1, Math.round(high * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff"; // what is transparent would become black
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas;
}

const made = (canvas, type, quality) => new Promise((done, failed) => {
  canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("no picture"))), type, quality);
});
