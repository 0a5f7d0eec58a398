"""The printed form of letters and registers: Arabic text set by HarfBuzz and ICU, drawn on reportlab's canvas."""
