//! What can be said of content that is not text: its kind, its size, the dimensions of an image, and
//! where two versions begin to differ.

use ubos_core::merge::is_text;

use crate::render::units::{bytes as size, number};

/// Kinds by how the content begins.
const KINDS: &[(&[u8], &str)] = &[
    (b"\x89PNG\r\n\x1a\n", "PNG image"),
    (b"\xff\xd8\xff", "JPEG image"),
    (b"GIF87a", "GIF image"),
    (b"GIF89a", "GIF image"),
    (b"BM", "BMP image"),
    (b"II*\0", "TIFF image"),
    (b"MM\0*", "TIFF image"),
    (b"\0\0\x01\0", "icon"),
    (b"%PDF-", "PDF document"),
    (b"PK\x03\x04", "ZIP archive"),
    (b"PK\x05\x06", "ZIP archive, empty"),
    (b"\x1f\x8b", "gzip archive"),
    (b"\xfd7zXZ\0", "xz archive"),
    (b"\x28\xb5\x2f\xfd", "zstd archive"),
    (b"BZh", "bzip2 archive"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip archive"),
    (b"Rar!\x1a\x07", "RAR archive"),
    (b"SQLite format 3\0", "SQLite database"),
    (b"\x7fELF", "program (ELF)"),
    (b"\xcf\xfa\xed\xfe", "program (Mach-O)"),
    (b"\xca\xfe\xba\xbe", "program (Mach-O, several machines)"),
    (b"MZ", "program (Windows)"),
    (b"\0asm", "program (WebAssembly)"),
    (b"ID3", "MP3 audio"),
    (b"\xff\xfb", "MP3 audio"),
    (b"OggS", "Ogg audio or video"),
    (b"fLaC", "FLAC audio"),
    (b"\x1a\x45\xdf\xa3", "Matroska or WebM video"),
    (b"wOFF", "web font"),
    (b"wOF2", "web font"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
];

/// `PNG image, 1920 × 1080, 4.2 MB`.
pub(super) fn described(bytes: &[u8]) -> String {
    let mut text = kind(bytes).to_owned();
    if let Some((wide, high)) = dimensions(bytes) {
        text.push_str(&format!(", {wide} × {high}"));
    }
    format!("{text}, {}", size(bytes.len() as u64))
}

fn kind(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "empty",
        _ if is_text(bytes) => "text",
        [b'R', b'I', b'F', b'F', _, _, _, _, rest @ ..] => match rest.get(..4) {
            Some(b"WEBP") => "WebP image",
            Some(b"WAVE") => "WAV audio",
            Some(b"AVI ") => "AVI video",
            _ => "data",
        },
        [_, _, _, _, b'f', b't', b'y', b'p', rest @ ..] => match rest.get(..4) {
            Some(b"heic" | b"heix" | b"mif1") => "HEIC image",
            Some(b"avif") => "AVIF image",
            Some(b"M4A ") => "M4A audio",
            Some(b"qt  ") => "QuickTime video",
            _ => "MP4 video",
        },
        _ if bytes.starts_with(b"PK\x03\x04") => packed(bytes),
        _ => KINDS
            .iter()
            .find(|(start, _)| bytes.starts_with(start))
            .map_or("data", |(_, kind)| kind),
    }
}

/// Documents that are ZIP archives tell what they are by the names of their first parts.
fn packed(bytes: &[u8]) -> &'static str {
    let start = &bytes[..bytes.len().min(4096)];
    let holds = |name: &[u8]| start.windows(name.len()).any(|window| window == name);
    let documents: [(&[u8], &str); 8] = [
        (b"word/", "Word document"),
        (b"xl/", "Excel workbook"),
        (b"ppt/", "PowerPoint presentation"),
        (b"opendocument.text", "OpenDocument text"),
        (b"opendocument.spreadsheet", "OpenDocument spreadsheet"),
        (b"opendocument", "OpenDocument file"),
        (b"application/epub+zip", "EPUB book"),
        (b"[Content_Types].xml", "Office document"),
    ];
    documents.iter().find(|(name, _)| holds(name)).map_or("ZIP archive", |(_, kind)| kind)
}

fn dimensions(bytes: &[u8]) -> Option<(usize, usize)> {
    // Formats with a signature that is no accident; a few bytes of data are no image.
    const IMAGES: [&str; 8] = [
        "PNG image",
        "JPEG image",
        "GIF image",
        "BMP image",
        "TIFF image",
        "WebP image",
        "HEIC image",
        "AVIF image",
    ];
    if !IMAGES.contains(&kind(bytes)) {
        return None;
    }
    imagesize::blob_size(bytes).ok().map(|size| (size.width, size.height))
}

/// Where two versions begin to differ, in words.
pub(super) fn first_difference(old: &[u8], new: &[u8]) -> String {
    let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let at = number(same as u64 + 1);
    if same == old.len().min(new.len()) {
        let (less, more) = (old.len().min(new.len()), old.len().max(new.len()));
        let rest = number((more - less) as u64);
        format!("The longer one begins with all of the other and has {rest} more bytes.")
    } else if same == 0 {
        "They differ from the first byte on.".to_owned()
    } else {
        format!("The first difference is at byte {at}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_how_they_begin() {
        let check = |bytes: &[u8], words: &str| assert_eq!(described(bytes), words);
        check(b"%PDF-1.7 \xe2\xe3", "PDF document, 11 B");
        check(b"PK\x03\x04\0\0\0\0....word/document.xml", "Word document, 29 B");
        check(b"PK\x03\x04\0\0", "ZIP archive, 6 B");
        check(b"\x7fELF\x02\x01", "program (ELF), 6 B");
        check(b"RIFF\x10\0\0\0WAVEfmt ", "WAV audio, 16 B");
        check(b"\0\0\0\x18ftypmp42", "MP4 video, 12 B");
        check(b"\0\x01\x02\x03", "data, 4 B");
        check(b"", "empty, 0 B");
        // Text that happens to begin as a program does.
        check(b"MZ is a label\n", "text, 14 B");
    }

    #[test]
    fn an_image_tells_its_dimensions() {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        png.extend([0, 0, 7, 128, 0, 0, 4, 56, 8, 6, 0, 0, 0]);
        assert_eq!(described(&png), "PNG image, 1920 × 1080, 29 B");
        // Cut off before its dimensions, it is still a PNG image.
        assert_eq!(described(&png[..12]), "PNG image, 12 B");
    }

    #[test]
    fn the_first_difference_is_named() {
        assert_eq!(first_difference(b"abcd", b"abxd"), "The first difference is at byte 3.");
        assert_eq!(first_difference(b"abcd", b"xbcd"), "They differ from the first byte on.");
        assert_eq!(
            first_difference(b"abc", b"abcdefg"),
            "The longer one begins with all of the other and has 4 more bytes."
        );
    }
}
