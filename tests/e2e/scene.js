// Stands in for the camera: an evening by the sea, and along its lower edge the wall clock as 32 dark or light squares,
// so that a test reads from the picture itself how old it is. Runs in the page before its own scripts.

{
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  const canvas = document.createElement('canvas');
  canvas.width = 640;
  canvas.height = 360;
  const pen = canvas.getContext('2d', { alpha: false });

  function sky(now) {
    const sky = pen.createLinearGradient(0, 0, 0, 230);
    sky.addColorStop(0, '#27346b');
    sky.addColorStop(0.55, '#c8577a');
    sky.addColorStop(1, '#f7b45e');
    pen.fillStyle = sky;
    pen.fillRect(0, 0, 640, 230);
    pen.fillStyle = '#ffe3a1';
    pen.beginPath();
    pen.arc(430, 195 + Math.sin(now / 4000) * 6, 46, 0, 7);
    pen.fill();
  }

  function sea(now) {
    const sea = pen.createLinearGradient(0, 230, 0, 360);
    sea.addColorStop(0, '#b7627c');
    sea.addColorStop(1, '#1d2a52');
    pen.fillStyle = sea;
    pen.fillRect(0, 230, 640, 130);
    pen.fillStyle = '#ffd79055';
    for (let row = 0; row < 11; row += 1) {
      const width = 90 - row * 4 + Math.sin(now / 500 + row * 1.7) * 22;
      pen.fillRect(430 - width / 2 + Math.sin(now / 900 + row) * 8, 234 + row * 11, width, 3);
    }
  }

  function boat(now) {
    const x = 120 + ((now / 60) % 420);
    const y = 262 + Math.sin(now / 700) * 4;
    pen.fillStyle = '#12172e';
    pen.beginPath();
    pen.moveTo(x - 66, y - 10);
    pen.quadraticCurveTo(x, y + 26, x + 72, y - 16);
    pen.quadraticCurveTo(x, y + 4, x - 66, y - 10);
    pen.fill();
    pen.fillRect(x - 3, y - 74, 4, 76);
    pen.fillStyle = '#f2efe6';
    pen.beginPath();
    pen.moveTo(x + 3, y - 72);
    pen.lineTo(x + 46, y - 12);
    pen.lineTo(x + 3, y - 12);
    pen.fill();
  }

  function code(now) {
    for (let bit = 0; bit < 32; bit += 1) {
      const set = Math.floor(now / 2 ** (31 - bit)) % 2;
      pen.fillStyle = set ? '#ffffff' : '#000000';
      pen.fillRect(bit * 8, 352, 8, 8);
    }
  }

  /** A test that sets `frozen` has a camera that gives no frames. */
  function draw() {
    if (globalThis.frozen) return;
    const now = Date.now();
    sky(now);
    sea(now);
    boat(now);
    code(now);
  }

  let track = null;
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await real(wanted);
    const cameras = stream.getVideoTracks();
    if (cameras.length === 0) return stream;
    if (!track) {
      draw();
      setInterval(draw, 50);
      track = canvas.captureStream(20).getVideoTracks()[0];
    }
    for (const camera of cameras) {
      stream.removeTrack(camera);
      camera.stop();
    }
    stream.addTrack(track.clone());
    return stream;
  };
}
