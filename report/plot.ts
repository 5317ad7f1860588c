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
    setAttribute(name: string, value: string): void;
    readonly outerHTML: string;
  };
  drawn.setAttribute('role', 'img');
  drawn.setAttribute('aria-label', label);
  return new Html(
    drawn.outerHTML
      // Coordinates to a tenth of a pixel: the rest is not seen, and is half of the page.
      .replace(/(\d+\.\d)\d{2,}/g, '$1')
      // The library counts clips as long as the process lives; by chart, the same data gives the same page.
      .replace(/plot-clip-\d+/g, `clip-${label.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`),
  );
}
