// The one place where the screens get their components from.

import { Component, html, render, useCallback, useEffect, useErrorBoundary, useLayoutEffect,
  useMemo, useRef, useState } from "../vendor/htm/standalone.module.js";

export { Component, html, render, useCallback, useEffect, useErrorBoundary, useLayoutEffect,
  useMemo, useRef, useState };

/** A new UUID, also where the page is not secure and `crypto.randomUUID` is missing. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
