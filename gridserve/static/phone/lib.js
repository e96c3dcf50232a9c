// The one place where the screens get their components from.

import { Component, html, render, useCallback, useEffect, useErrorBoundary, useLayoutEffect,
  useMemo, useRef, useState } from "../vendor/htm/standalone.module.js";

export { Component, html, render, useCallback, useEffect, useErrorBoundary, useLayoutEffect,
  useMemo, useRef, useState };

/**
 * A new UUID of version 7: it begins with the time, so that what is made together lies together in
 * the server's indexes. Also where the page is not secure and `crypto.randomUUID` is missing.
 */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(10));
  bytes[0] = (bytes[0] & 0x0f) | 0x70;
  bytes[2] = (bytes[2] & 0x3f) | 0x80;
  const rest = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const hex = Date.now().toString(16).padStart(12, "0") + rest;
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
