//! A decoded picture of 8 bits, as luma and chroma, made red, green and blue.

use image::RgbImage;

/// `matrix_coefficients` (ISO/IEC 23091-2, 8.3) of a stream that does not say them.
const UNSAID: u8 = 2;
/// From this height on such a stream is taken for BT.709, below it for BT.601.
const HIGH_DEFINITION: u32 = 720;

/// A decoded picture: rows without anything between them.
#[derive(Debug)]
pub(super) struct Planes {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) luma: Vec<u8>,
    /// The blue and the red difference.
    pub(super) chroma: [Vec<u8>; 2],
    /// Whether chroma is halved horizontally and vertically.
    pub(super) halved: (bool, bool),
    /// `matrix_coefficients` (ISO/IEC 23091-2, 8.3).
    pub(super) matrix: u8,
    /// Whether samples use the full range.
    pub(super) full_range: bool,
}

impl Planes {
    /// `None` for planes that are shorter than they say, and for a matrix that is none of red, green and blue by weights.
    pub(super) fn to_rgb(&self) -> Option<RgbImage> {
        let conversion = Conversion::of(self.matrix, self.full_range, self.height)?;
        let (width, height) = (self.width as usize, self.height as usize);
        let halve = |length: usize, is_halved: bool| if is_halved { length.div_ceil(2) } else { length };
        let (across, down) = (halve(width, self.halved.0), halve(height, self.halved.1));
        let is_whole =
            self.luma.len() >= width * height && self.chroma.iter().all(|c| c.len() >= across * down);
        if !is_whole {
            return None;
        }
        let mut rgb = Vec::with_capacity(width * height * 3);
        for (row, luma) in self.luma.chunks_exact(width).take(height).enumerate() {
            let from = (row >> usize::from(self.halved.1)) * across;
            let [blue, red] = self.chroma.each_ref().map(|plane| &plane[from..from + across]);
            for (column, luma) in luma.iter().enumerate() {
                let at = column >> usize::from(self.halved.0);
                rgb.extend(conversion.pixel(*luma, blue[at], red[at]));
            }
        }
        RgbImage::from_raw(self.width, self.height, rgb)
    }
}

/// From luma and chroma to red, green and blue (ISO/IEC 23091-2, 8.3, equations 38 to 43 turned round), in 1/65,536.
struct Conversion {
    black: i32,
    luma: i32,
    red: i32,
    green: (i32, i32),
    blue: i32,
}

impl Conversion {
    fn of(matrix: u8, full_range: bool, height: u32) -> Option<Self> {
        let (red, blue) = match matrix {
            UNSAID if height >= HIGH_DEFINITION => (0.2126, 0.0722),
            1 => (0.2126, 0.0722),
            4 => (0.30, 0.11),
            UNSAID | 5 | 6 => (0.299, 0.114),
            7 => (0.212, 0.087),
            9 => (0.2627, 0.0593),
            _ => return None,
        };
        let green = 1.0 - red - blue;
        let (black, luma, chroma) =
            if full_range { (0, 1.0, 1.0) } else { (16, 255.0 / 219.0, 255.0 / 224.0) };
        let fixed = |factor: f64| (factor * 65_536.0).round() as i32;
        Some(Self {
            black,
            luma: fixed(luma),
            red: fixed(chroma * 2.0 * (1.0 - red)),
            green: (
                fixed(chroma * 2.0 * (1.0 - blue) * blue / green),
                fixed(chroma * 2.0 * (1.0 - red) * red / green),
            ),
            blue: fixed(chroma * 2.0 * (1.0 - blue)),
        })
    }

    fn pixel(&self, luma: u8, blue: u8, red: u8) -> [u8; 3] {
        let luma = (i32::from(luma) - self.black) * self.luma + (1 << 15);
        let (blue, red) = (i32::from(blue) - 128, i32::from(red) - 128);
        let [red, green, blue] =
            [luma + red * self.red, luma - blue * self.green.0 - red * self.green.1, luma + blue * self.blue];
        [red, green, blue].map(|value| (value >> 16).clamp(0, 255) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(matrix: u8, full_range: bool, sample: [u8; 3]) -> [u8; 3] {
        Conversion::of(matrix, full_range, 360).unwrap().pixel(sample[0], sample[1], sample[2])
    }

    #[test]
    fn black_white_and_red_are_what_they_are_in_every_range_and_matrix() {
        for (full_range, black, white) in [(false, 16, 235), (true, 0, 255)] {
            for matrix in [1, 2, 4, 5, 6, 7, 9] {
                assert_eq!(pixel(matrix, full_range, [black, 128, 128]), [0; 3]);
                assert_eq!(pixel(matrix, full_range, [white, 128, 128]), [255; 3]);
            }
        }
        let is_red = |[red, green, blue]: [u8; 3]| red >= 253 && green <= 2 && blue <= 2;
        assert!(is_red(pixel(6, false, [81, 90, 240])));
        assert!(is_red(pixel(1, false, [63, 102, 240])));
        assert!(is_red(pixel(6, true, [76, 85, 255])));
        assert!(Conversion::of(0, false, 360).is_none());
    }

    #[test]
    fn chroma_of_odd_sizes_reaches_the_last_row_and_column() {
        let planes = |chroma: usize| Planes {
            width: 3,
            height: 3,
            luma: vec![128; 9],
            chroma: [vec![128; chroma], vec![128; chroma]],
            halved: (true, true),
            matrix: UNSAID,
            full_range: true,
        };
        assert!(planes(4).to_rgb().unwrap().pixels().all(|pixel| pixel.0 == [128; 3]));
        assert!(planes(3).to_rgb().is_none());
    }
}
