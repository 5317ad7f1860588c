import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { Html } from './html.js';

/** Every chart is as wide, and its axis ends at the same places: those over time can be read below each other. */
export const WIDTH = 920;
const MARGINS = { marginLeft: 64, marginRight: 18, marginTop: 24, marginBottom: 28 };

// A document that charts are drawn into: what the library needs of a browser, without one.
const { document } = parseHTML('<!doctype html><html><body></body></html>');

/**
 * Draws a chart as SVG text. Colours are CSS variables of the page, so that it follows light, dark and print.
 *
 * @param label - what it shows, for those who do not see it.
 */
export function draw(label: string, options: Omit<Plot.PlotOptions, 'document'>): Html {
  const drawn = Plot.plot({
    ...MARGINS,
    width: WIDTH,
    ...options,
    document: document as never,
  }) as unknown as {
    readonly tagName: string;
    readonly outerHTML: string;
  } & DrawnElement;
  drawn.setAttribute('role', 'img');
  drawn.setAttribute('aria-label', label);
  drawn.querySelectorAll('*').forEach(shorten);
  return new Html(
    // The library counts clips as long as the process lives; by chart, the same data gives the same page.
    drawn.outerHTML.replace(/plot-clip-\d+/g, `clip-${label.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`),
  );
}

/** What is used of an element of a drawing. */
interface DrawnElement {
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  querySelectorAll(selector: string): { forEach(each: (element: DrawnElement) => void): void };
}

const GEOMETRY = ['d', 'transform', 'x', 'y', 'x1', 'x2', 'y1', 'y2', 'cx', 'cy', 'r', 'width', 'height'];

/** Coordinates to a tenth of a pixel: the rest is not seen, and is half of the page. Numbers that people read stay whole. */
function shorten(element: DrawnElement): void {
  for (const name of GEOMETRY) {
    const value = element.getAttribute(name);
    if (value !== null) element.setAttribute(name, value.replace(/(\d+\.\d)\d{2,}/g, '$1'));
  }
}
