// Where the phone is, asked for once, at the moment somebody wants it. No track, nothing watched.

/** The place as {lon, lat, accuracy_m} (WGS 84), or null after `wait` ms or where it is not to be had.
 *
 * It never rejects: saving does not depend on it. */
export function position({ wait = 4000 } = {}) {
  return new Promise((done) => {
    if (!navigator.geolocation) {
      done(null);
      return;
    }
    const timer = setTimeout(() => done(null), wait); // some phones keep silent while they ask
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        clearTimeout(timer);
        done({ lon: coords.longitude, lat: coords.latitude, accuracy_m: Math.round(coords.accuracy),
          ...(typeof coords.mocked === "boolean" && { mocked: coords.mocked }) });
      },
      () => {
        clearTimeout(timer);
        done(null);
      },
      { enableHighAccuracy: true, timeout: wait, maximumAge: 0 },
    );
  });
}
