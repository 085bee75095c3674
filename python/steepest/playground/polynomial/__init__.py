"""A tab of the playground: `tab.py` computes, `page.js` shows."""
